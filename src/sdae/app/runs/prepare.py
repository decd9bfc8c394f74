"""Prepare data for a network: load, split, scale, and turn labels into class numbers.

Axes: n rows, V columns.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdae.app.recipes.recipe import DataConfig
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling, choose, fit_scaling
from sdae.core.schema.learning import SchemaOptions, learn_schema
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_schema import Schema
from sdae.data import Dataset, Table, load_dataset
from sdae.data.label_columns import encode_targets, find_head
from sdae.data.splits import split_dataset
from sdae.data.table import OF_NUMBERS, NotNumbers, match_columns
from sdae.data.tables import ReadOptions, is_table
from sdae.data.typed_dataset import as_raw, load_for_schema, load_typed

Rows = NDArray[np.floating]
"""Rows in the units of the source, in a type that does not round them."""

NetworkRows = NDArray[np.float32]
Labelled = tuple[NetworkRows, NDArray[np.int64]]
Classes = tuple[int, ...] | tuple[str, ...]

_REMEDY = (
    "Leave them out with --drop, or name them with --categorical or --parse-dates; sdae "
    "inspect shows all columns."
)


@dataclass(frozen=True)
class PreparedData:
    """The data as training needs them.

    Attributes
    ----------
    name : str
        Name of the source, for messages.
    rows : ndarray of float32, shape (n, V)
        Rows for pre-training: the training rows, then the unlabelled ones.
    train, validation, test : (x, y) or None
        Labelled parts; `train` is None where there are no labels.
    head : Head or None
        What the labels are; None where there are none.
    classes : tuple or None
        What each output of the head stands for: a class, or one of several labels.
    scaling : Scaling or None
        The scaling already applied to all rows above.
    decoder : Decoder
        Decoder of the first layer, with ``auto`` resolved from the data.
    choice : str
        How columns are scaled and why, for messages; empty if an existing model fixed it.
    feature_names : tuple of str or None
    image_shape : (int, int) or None
    schema : Schema or None
        The typed columns of a table, by which all rows above are encoded.
    """

    name: str
    rows: NetworkRows
    train: Labelled | None
    validation: Labelled | None
    test: Labelled | None
    head: Head | None
    classes: Classes | None
    scaling: Scaling | None
    decoder: Decoder
    choice: str
    feature_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    schema: Schema | None = None


def prepare(
    config: DataConfig, decoder: Decoder, seed: int, *, rounded: bool = False
) -> PreparedData:
    """Load, split and scale the data of a recipe.

    `rounded` makes tables float32 before they are scaled, as older versions did.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns, the labels or the values.
    """
    reads_numbers = config.source.lower().endswith(OF_NUMBERS) or not is_table(config.source)
    if read_options(config) != ReadOptions() or not reads_numbers:
        return prepare_table(config, seed)
    try:
        dataset = load_dataset(config.source, config.target)
    except NotNumbers:
        if not is_table(config.source):
            raise
        return prepare_table(config, seed)
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    if rounded:
        dataset = dataset.rounded()
    rows = dataset.train.x
    if config.unlabeled is not None:
        extra = load_dataset(config.unlabeled, features=dataset.train.feature_names).train
        if dataset.train.feature_names is not None:
            extra = match_columns(extra, dataset.train.feature_names)
        extra = extra.rounded() if rounded else extra
        rows = np.concatenate([rows, _same_width(extra, dataset.train).x])
    chosen = choose(rows, config.scale, decoder, dataset.name)
    scaling = fit_scaling(rows, chosen.scale)
    rows = _scaled(rows, scaling)
    head, classes = None, None
    if dataset.train.y is not None:
        head, classes = find_head(dataset.train)
    return PreparedData(
        name=dataset.name,
        rows=rows,
        train=_with_labels(rows[: dataset.train.n_rows], dataset.train, head, classes),
        validation=_labelled(dataset.validation, head, classes, scaling),
        test=_labelled(dataset.test, head, classes, scaling),
        head=head,
        classes=classes,
        scaling=scaling,
        decoder=chosen.decoder,
        choice=chosen.reason,
        feature_names=dataset.train.feature_names,
        image_shape=dataset.train.image_shape,
    )


def prepare_table(config: DataConfig, seed: int) -> PreparedData:
    """Load and split a table of which not all columns are numbers, and learn its schema.

    Rows without a label, in the table or in a file of their own, are for pre-training.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns, the labels or the values.
    """
    options = read_options(config)
    dataset, unlabelled = load_typed(config.source, options, config.target)
    source = dataset.train.source
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    rows: RawTable = dataset.train.x
    if unlabelled is not None:
        rows = rows.below(unlabelled)
    if config.unlabeled is not None:
        extra = load_typed(config.unlabeled, options.without(names_in(config.target))).dataset.train
        rows = rows.below(extra.x.like(rows, extra.source))
    scale = "standard" if config.scale == "auto" else config.scale
    schema = learn_schema(
        rows,
        SchemaOptions(scale=scale, missing_marks=names_in(config.na_values), remedy=_REMEDY),
        source,
    )
    head, classes = (None, None) if dataset.train.y is None else find_head(dataset.train)
    encoded = schema.encode(rows, source)
    validation, test = (
        None
        if part is None
        else _with_labels(schema.encode(part.x, part.source), part, head, classes)
        for part in (dataset.validation, dataset.test)
    )
    return PreparedData(
        name=dataset.name,
        rows=encoded,
        train=_with_labels(encoded[: dataset.train.n_rows], dataset.train, head, classes),
        validation=validation,
        test=test,
        head=head,
        classes=classes,
        scaling=None,
        decoder=Decoder.BLOCKS,
        choice=described(schema),
        feature_names=None,
        image_shape=None,
        schema=schema,
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
    )


def names_in(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return one name, or several, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


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


def prepare_labelled(model: Model, config: DataConfig, seed: int) -> PreparedData:
    """Load and split labelled data for a model that exists: its columns, scaling and classes.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data; a missing target is an error too.
    """
    if model.schema is None:
        dataset = load_dataset(config.source, config.target, model.feature_names)
    else:
        dataset = load_for_schema(config.source, model.schema, config.target).dataset
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    if dataset.train.y is None:
        raise DataError(
            f"{dataset.name} has no labels to fine-tune on. Name their column with --target."
        )
    known = model.stack.head_kind
    unnamed = model.classes is None and (known is None or known.facts.picks_one)
    head, classes = (None if unnamed else outputs_of(model)) or find_head(dataset.train)
    train, validation, test = (
        None if table is None else _labelled(fitting(model, table), head, classes, model.scaling)
        for table in (dataset.train, dataset.validation, dataset.test)
    )
    return PreparedData(
        name=dataset.name,
        rows=train[0] if train is not None else network_input(model, dataset.train)[:0],
        train=train,
        validation=validation,
        test=test,
        head=head,
        classes=classes,
        scaling=model.scaling,
        decoder=model.stack.autoencoder(0).decoder,
        choice="",
        feature_names=model.feature_names,
        image_shape=model.image_shape,
        schema=model.schema,
    )


def choose_rows(dataset: Dataset, part: str) -> Table:
    """Return the rows that a command works on.

    Parameters
    ----------
    dataset : Dataset
    part : {"auto", "train", "validation", "test"}
        ``auto`` is the test part where the source has one, and otherwise all its rows.

    Raises
    ------
    DataError
        If the source has no such part.
    """
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if part == "auto":
        return dataset.train if dataset.test is None else dataset.test
    table = parts.get(part)
    if table is None:
        there = ", ".join(name for name, rows in parts.items() if rows is not None)
        raise DataError(f"{dataset.name} has no part {part!r}. It has: {there}.")
    return table


def fitting(model: Model, table: Table) -> Table:
    """Return the table with the model's columns, in the model's order.

    For a model with a schema its rows are encoded: they are the network's.

    Raises
    ------
    DataError
        If a column is missing, or the number of columns is wrong.
    """
    if model.schema is not None:
        rows = model.schema.encode(as_raw(table).x, table.source)
        return replace(table, x=rows, feature_names=model.schema.parts)
    if model.feature_names is not None:
        table = match_columns(table, model.feature_names)
    if table.x.shape[1] != model.stack.n_visible:
        raise DataError(
            f"{table.source} has {table.x.shape[1]} feature columns; the model expects "
            f"{model.stack.n_visible}. If one of them holds the labels, name it with --target."
        )
    return table


def network_input(model: Model, table: Table) -> NetworkRows:
    """Return the rows as the model's network takes them: right columns, scaled."""
    return _scaled(fitting(model, table).x, model.scaling)


def class_numbers(model: Model, table: Table) -> NDArray[np.int64]:
    """Return the labels of a table as class numbers of the model, (n,).

    Raises
    ------
    DataError
        If there are no labels, or one did not occur in training.
    """
    if table.y is None:
        raise DataError(
            f"{table.source} has no labels to compare with. Name their column with --target."
        )
    outputs = outputs_of(model)
    assert outputs is not None  # a classifier, as commands make sure
    return encode_targets(table, *outputs)


def outputs_of(model: Model) -> tuple[Head, Classes] | None:
    """Return the head of a model that has labels, and what its outputs stand for, or None."""
    head = model.stack.head_kind
    if head is None or head.facts.probabilities is None:
        return None
    return head, model.classes or tuple(range(model.stack.head.out_features))


def _labelled(
    table: Table | None, head: Head | None, classes: Classes | None, scaling: Scaling | None
) -> Labelled | None:
    return None if table is None else _with_labels(_scaled(table.x, scaling), table, head, classes)


def _with_labels(
    rows: NetworkRows, table: Table, head: Head | None, classes: Classes | None
) -> Labelled | None:
    """Return the scaled rows of a table with their class numbers, if there are labels."""
    if table.y is None or head is None or classes is None:
        return None
    return rows, encode_targets(table, head, classes)


def _scaled(x: Rows, scaling: Scaling | None) -> NetworkRows:
    """Return scaled rows for the network, in float32."""
    return x.astype(np.float32, copy=False) if scaling is None else scaling.apply(x)


def _same_width(extra: Table, train: Table) -> Table:
    if extra.x.shape[1] != train.x.shape[1]:
        raise DataError(
            f"{extra.source} has {extra.x.shape[1]} columns, but {train.source} has "
            f"{train.x.shape[1]} feature columns. Unlabelled rows must have the same columns."
        )
    return extra
