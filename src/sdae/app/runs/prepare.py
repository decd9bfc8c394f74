"""Prepare data for a network: load, split, scale, and turn targets into what its head learns.

Axes: n rows, V columns.
"""

from collections import Counter
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.app.recipes.recipe import DataConfig, names_in
from sdae.app.runs.answers import answers_for, wanted_task
from sdae.app.runs.model_rows import load_for, network_input, scaled, task_of
from sdae.app.runs.number_rows import chosen_scaling, load_numbers, on_disk
from sdae.app.runs.prepared_data import AnyRows, PreparedData
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.model_file import Model
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import at_hand
from sdae.data import Table
from sdae.data.few_labels import with_few_labels
from sdae.data.splits import split_dataset
from sdae.data.table import OF_NUMBERS, NotNumbers
from sdae.data.tables import ReadOptions, is_table
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.data.typed_dataset import load_typed
from sdae.train.joined_rows import joined

_REMEDY = (
    "Leave them out with --drop, or name them with --categorical or --parse-dates; sdae "
    "inspect shows all columns."
)


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
    options = read_options(config)
    plain = replace(options, drop=frozenset(), keep=frozenset(), id=()) == ReadOptions()
    stored = on_disk(config, scratch) if plain else None
    numbers = (*OF_NUMBERS, STANDARD_INPUT)
    reads_numbers = config.source.lower().endswith(numbers) or not is_table(config.source)
    if stored is None and (options != ReadOptions() or not reads_numbers):
        return prepare_table(config, seed, content)
    try:
        found = load_numbers(config, stored, content, scratch)
    except NotNumbers:
        if not is_table(config.source):
            raise
        return prepare_table(config, seed, content)
    dataset = found.dataset.rounded() if rounded else found.dataset
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    rows = reduce(joined, [dataset.train.x, *found.others(dataset.train, rounded=rounded)])
    chosen, scaling = chosen_scaling(rows, config.scale, decoder, dataset.name)
    rows = scaled(rows, scaling)
    labelled, places = with_few_labels(dataset.train, config.labels, seed)
    answers = answers_for(config, labelled)
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
            unlabelled=_without(rows, np.arange(n_rows)[places]),
        )
    )


def prepare_table(config: DataConfig, seed: int, content: bytes | None = None) -> PreparedData:
    """Load and split a table of which not all columns are numbers, and learn its schema.

    Rows without a label, in the table or in a file of their own, are for pre-training.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns, the labels or the values.
    """
    options = read_options(config)
    task = wanted_task(config)
    found = load_typed(config.source, options, config.target, task, content)
    dataset, unlabelled = found.dataset, found.unlabelled
    source = dataset.train.source
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    rows: RawTable = dataset.train.x
    if unlabelled is not None:
        rows = rows.below(unlabelled)
    if config.unlabeled is not None:
        extra = load_typed(config.unlabeled, options.only(rows.names)).dataset.train
        rows = rows.below(extra.x.like(rows, extra.source))
    scale = "standard" if config.scale == "auto" else config.scale
    schema = learn_schema(
        rows,
        SchemaOptions(
            scale=scale,
            missing_marks=names_in(config.na_values),
            left_out=found.left_out,
            written=found.written,
            remedy=_REMEDY,
        ),
        source,
    )
    encoded = schema.encode(rows, source)
    labelled, places = with_few_labels(dataset.train, config.labels, seed)
    answers = answers_for(config, labelled)
    n_rows = dataset.train.n_rows

    def encoded_part(part: Table) -> AnyRows:
        return schema.encode(part.x, part.source)

    return answers.added_to(
        PreparedData(
            name=dataset.name,
            rows=encoded,
            train=answers.labelled(labelled, lambda _: encoded[:n_rows][places]),
            validation=answers.labelled(dataset.validation, encoded_part),
            test=answers.labelled(dataset.test, encoded_part),
            scaling=None,
            decoder=Decoder.BLOCKS,
            choice=f"{described(schema)}{answers.choice}",
            feature_names=None,
            image_shape=None,
            schema=schema,
            n_hidden=n_rows - labelled.n_rows,
            unlabelled=_without(encoded, np.arange(n_rows)[places]),
        )
    )


def read_options(config: DataConfig) -> ReadOptions:
    """Return how the table of a recipe is read.

    Raises
    ------
    InvalidParameterError
        If a character is not allowed.
    """
    return ReadOptions(
        separator=config.separator,
        decimal=config.decimal,
        na_values=frozenset(names_in(config.na_values)),
        parse_dates=frozenset(names_in(config.parse_dates)),
        categorical=frozenset(names_in(config.categorical)),
        drop=frozenset(names_in(config.drop)),
        keep=frozenset(names_in(config.keep)),
        id=names_in(config.id),
    )


def described(schema: Schema) -> str:
    """Return in one sentence which kinds of columns a table has."""
    counts = Counter(column.kind for column in schema.columns)
    words = {
        "number": "numbers",
        "date": "dates",
        "binary": "binaries",
        "category": "categories",
        "ignored": "left out",
    }
    kinds = ", ".join(f"{counts[kind]} {word}" for kind, word in words.items() if counts[kind])
    n_gaps = len(schema.blocks.indicators)
    gaps = f"; {n_gaps} with missing values" if n_gaps else ""
    return (
        f"Columns: {kinds}{gaps}. They are {schema.blocks.n_components} inputs of the network; "
        "sdae inspect shows each."
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
    answers = answers_for(config, labelled, model)
    train, validation, test = (
        answers.labelled(table, lambda part: network_input(model, part))
        for table in (labelled, dataset.validation, dataset.test)
    )
    others: list[AnyRows] = []
    if with_unlabelled and labelled.n_rows < dataset.train.n_rows:
        hidden = _without(
            network_input(model, dataset.train), np.arange(dataset.train.n_rows)[places]
        )
        others += [] if hidden is None else [hidden]
    if with_unlabelled and config.unlabeled is not None:
        others.append(network_input(model, load_for(model, config.unlabeled).train))
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


def _without(rows: AnyRows, places: NDArray[np.int64]) -> AnyRows | None:
    """Return the rows that are not at some places; None if there are none."""
    others = np.ones(len(rows), bool)
    others[places] = False
    return rows[others] if others.any() else None
