"""Tables of a recipe whose columns are of any type: loaded, split, and encoded by their schema.

Axes: n rows, V components.
"""

from collections import Counter
from collections.abc import Iterable
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.app.recipes.memory_sizes import bytes_of
from sdae.app.recipes.recipe import DataConfig, names_in
from sdae.app.runs.answers import answers_for, wanted_task
from sdae.app.runs.model_rows import encoded_rows
from sdae.app.runs.prepared_data import AnyRows, PreparedData
from sdae.core.kinds.decoders import Decoder
from sdae.core.schema.learning import learn_in_blocks
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import at_hand
from sdae.data import Table
from sdae.data.few_labels import with_few_labels
from sdae.data.splits import split_dataset
from sdae.data.stored.typed_dataset import stored_typed
from sdae.data.tables import ReadOptions
from sdae.data.typed_dataset import TypedDataset, load_typed
from sdae.data.unnamed_rows import ARRAYS, rows_of_array
from sdae.train.joined_rows import joined

_REMEDY = (
    "Leave them out with --drop, or name them with --categorical or --parse-dates; sdae "
    "inspect shows all columns."
)


class LoadedTable(NamedTuple):
    """A table of a recipe.

    Attributes
    ----------
    found : TypedDataset
    extra : RawTable, TableRows or None
        Rows of a file without labels.
    """

    found: TypedDataset
    extra: RawTable | TableRows | None


def load_table(
    config: DataConfig, content: bytes | None = None, scratch: Path | None = None
) -> LoadedTable:
    """Load the table of a recipe, and that of its file without labels.

    More rows than the memory holds stay on the disk.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns or the labels.
    """
    found = _typed(config, content, scratch)
    if config.unlabeled is None:
        return LoadedTable(found, None)
    return LoadedTable(found, _more_rows(config, found.dataset.train.x, scratch))


def prepare_table(config: DataConfig, seed: int, table: LoadedTable) -> PreparedData:
    """Split a table of which not all columns are plain numbers, and learn its schema.

    Rows without a label, in the table or in a file of their own, are for pre-training. A table of
    more rows than the memory holds is read in blocks, and its encoded rows stay on the disk.

    Raises
    ------
    SdaeError
        Whatever is wrong with the columns, the labels or the values.
    """
    found = table.found
    dataset, unlabelled = found.dataset, found.dataset.unlabelled
    source = dataset.train.source
    dataset = split_dataset(dataset, validation=config.validation, test=config.test, seed=seed)
    parts = [dataset.train.x, *(part for part in (unlabelled, table.extra) if part is not None)]
    if not any(isinstance(part, TableRows) for part in parts):
        parts = [reduce(RawTable.below, parts)]
    scale = "standard" if config.scale == "auto" else config.scale
    schema = learn_in_blocks(
        (block for part in parts for block in _blocks_of(part)),
        SchemaOptions(
            scale=scale,
            missing_marks=names_in(config.na_values),
            left_out=found.left_out,
            written=found.written,
            remedy=_REMEDY,
        ),
        source,
    )
    encoded = reduce(joined, [encoded_rows(schema, part, source) for part in parts])
    labelled, places = with_few_labels(dataset.train, config.labels, seed)
    answers = answers_for(config, dataset.train, labelled)
    n_rows = dataset.train.n_rows

    def encoded_part(part: Table) -> AnyRows:
        return at_hand(encoded_rows(schema, part.x, part.source))

    return answers.added_to(
        PreparedData(
            name=dataset.name,
            rows=at_hand(encoded),
            train=answers.labelled(labelled, lambda _: at_hand(encoded[:n_rows][places])),
            validation=answers.labelled(dataset.validation, encoded_part),
            test=answers.labelled(dataset.test, encoded_part),
            scaling=None,
            decoder=Decoder.BLOCKS,
            choice=f"{described(schema)}{answers.choice}",
            feature_names=None,
            image_shape=None,
            schema=schema,
            n_hidden=n_rows - labelled.n_rows,
            unlabelled=without(encoded, np.arange(n_rows)[places]),
        )
    )


def _typed(config: DataConfig, content: bytes | None, scratch: Path | None) -> TypedDataset:
    """Load the table of a recipe, or open it where it stays on the disk."""
    options, task = read_options(config), wanted_task(config)
    memory = bytes_of(config.memory)
    stored = stored_typed(
        config.source, options, config.target, task, memory=memory, scratch=scratch
    )
    return stored or load_typed(config.source, options, config.target, task, content)


def _more_rows(
    config: DataConfig, rows: RawTable | TableRows, scratch: Path | None
) -> RawTable | TableRows:
    """Load the rows of a recipe that have no labels and a file of their own."""
    assert config.unlabeled is not None
    options, memory = read_options(config).only(rows.names), bytes_of(config.memory)
    if config.unlabeled.lower().endswith(ARRAYS):
        return rows_of_array(config.unlabeled, rows.names)
    stored = stored_typed(config.unlabeled, options, memory=memory, scratch=scratch)
    extra = (stored or load_typed(config.unlabeled, options)).dataset.train
    like: RawTable | TableRows = extra.x.like(rows, extra.source)
    return like


def _blocks_of(part: RawTable | TableRows) -> Iterable[RawTable]:
    return part.blocks() if isinstance(part, TableRows) else [part]


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


def without(rows: AnyRows, places: NDArray[np.int64]) -> AnyRows | None:
    """Return the rows that are not at some places; None if there are none."""
    others = np.ones(len(rows), bool)
    others[places] = False
    return rows[others] if others.any() else None
