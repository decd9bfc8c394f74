"""Prepare data for a network: load, split, scale, and turn targets into what its head learns.

Axes: n rows, V columns.
"""

from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np

from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.answers import answers_for, wanted_task
from sdae.app.runs.model_rows import load_for, network_input, scaled, task_of
from sdae.app.runs.number_rows import (
    NumberRows,
    check_all_there,
    chosen_scaling,
    load_numbers,
    on_disk,
)
from sdae.app.runs.plain_tables import numbers_of_table
from sdae.app.runs.prepared_data import AnyRows, PreparedData
from sdae.app.runs.typed_rows import load_table, prepare_table, read_options, without
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.model_file import Model
from sdae.core.source_rows import at_hand
from sdae.data.few_labels import with_few_labels
from sdae.data.splits import split_dataset
from sdae.data.stored.opening import always_a_table, holds_lists
from sdae.data.table import OF_NUMBERS, NotNumbers
from sdae.data.tables import ReadOptions, is_table
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.train.joined_rows import joined


def prepare(
    config: DataConfig,
    decoder: Decoder,
    seed: int,
    *,
    rounded: bool = False,
    content: bytes | None = None,
    scratch: Path | None = None,
) -> PreparedData:
    """Load, split and scale the data of a recipe; more rows than its memory stay on the disk.

    `rounded` makes tables float32 before they are scaled, as older versions did. `content` holds
    the bytes of standard input, if the source is "-". `scratch` is a folder for copies of files
    that cannot be read a few rows at a time.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns, the labels or the values.
    """
    try:
        found = _numbers(config, content, scratch)
        if found is not None:
            return _prepared_numbers(config, decoder, seed, found, rounded=rounded)
    except NotNumbers:
        may_be_table = is_table(config.source) or Path(config.source).is_dir()
        if not may_be_table or holds_lists(Path(config.source)):
            raise
    table = load_table(config, content, scratch)
    found = numbers_of_table(config, table, scratch)
    if found is not None:
        return _prepared_numbers(config, decoder, seed, found, rounded=rounded)
    return prepare_table(config, seed, table)


def _numbers(config: DataConfig, content: bytes | None, scratch: Path | None) -> NumberRows | None:
    """Load the rows of a recipe as numbers; None if they are columns of a table."""
    options = read_options(config)
    plain = replace(options, drop=frozenset(), keep=frozenset()) == ReadOptions()
    stored = on_disk(config, scratch) if plain and not always_a_table(config.source) else None
    numbers = (*OF_NUMBERS, STANDARD_INPUT)
    reads_numbers = config.source.lower().endswith(numbers) or not is_table(config.source)
    if stored is None and (options != ReadOptions() or not reads_numbers):
        return None
    return load_numbers(config, stored, content, scratch)


def _prepared_numbers(
    config: DataConfig, decoder: Decoder, seed: int, found: NumberRows, *, rounded: bool
) -> PreparedData:
    found = found.rounded() if rounded else found
    dataset = found.dataset
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    check_all_there(dataset)
    rows = reduce(joined, [dataset.train.x, *found.others()])
    chosen, scaling = chosen_scaling(rows, config.scale, decoder, dataset.name)
    rows = scaled(rows, scaling)
    labelled, places = with_few_labels(dataset.train, config.labels, seed)
    answers = answers_for(config, dataset.train, labelled)
    n_rows = dataset.train.n_rows
    return answers.added_to(
        PreparedData(
            name=dataset.name,
            rows=rows,
            train=answers.labelled(labelled, lambda _: at_hand(rows[:n_rows][places])),
            validation=answers.labelled(dataset.validation, lambda part: scaled(part.x, scaling)),
            test=answers.labelled(dataset.test, lambda part: scaled(part.x, scaling)),
            scaling=scaling,
            decoder=chosen.decoder,
            choice=f"{chosen.reason}{answers.choice}",
            feature_names=dataset.train.feature_names,
            image_shape=dataset.train.image_shape,
            n_hidden=n_rows - labelled.n_rows,
            unlabelled=without(rows, np.arange(n_rows)[places]),
        )
    )


def prepare_labelled(
    model: Model,
    config: DataConfig,
    seed: int,
    content: bytes | None = None,
    *,
    with_unlabelled: bool = False,
) -> PreparedData:
    """Load and split labelled data for a model that exists: its columns, scaling and classes.

    `with_unlabelled` also loads the rows that the recipe has without labels.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data; a missing target is an error too.
    """
    task = task_of(model) or wanted_task(config)
    dataset = load_for(model, config.source, config.target, task, content)
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    if dataset.train.y is None:
        raise DataError(
            f"{dataset.name} has no labels to fine-tune on. Name their column with --target."
        )
    labelled, places = with_few_labels(dataset.train, config.labels, seed)
    answers = answers_for(config, dataset.train, labelled, model)
    train, validation, test = (
        answers.labelled(table, lambda part: network_input(model, part))
        for table in (labelled, dataset.validation, dataset.test)
    )
    others: list[AnyRows] = []
    if with_unlabelled and dataset.unlabelled is not None:
        others.append(network_input(model, replace(dataset.train, x=dataset.unlabelled)))
    if with_unlabelled and labelled.n_rows < dataset.train.n_rows:
        hidden = without(
            network_input(model, dataset.train), np.arange(dataset.train.n_rows)[places]
        )
        others += [] if hidden is None else [hidden]
    if with_unlabelled and config.unlabeled is not None:
        others.append(network_input(model, load_for(model, config.unlabeled, labels=False).train))
    return answers.added_to(
        PreparedData(
            name=dataset.name,
            rows=train[0] if train is not None else network_input(model, dataset.train)[:0],
            train=train,
            validation=validation,
            test=test,
            scaling=model.scaling,
            decoder=model.stack.autoencoder(0).decoder,
            choice="",
            feature_names=model.feature_names,
            image_shape=model.image_shape,
            schema=model.schema,
            n_hidden=dataset.train.n_rows - labelled.n_rows,
            unlabelled=reduce(joined, others) if others else None,
        )
    )
