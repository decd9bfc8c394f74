"""The gaps of a table, filled by the network of a run.

Axes: n rows, V components, C columns, m gaps of a column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sdae.core.errors import DataError
from sdae.core.filling import Filler, Rows
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model
from sdae.core.schema.columns import Column, IgnoredColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn
from sdae.core.schema.number_columns import DateColumn, NumberColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.schema.scales import LinearScale
from sdae.core.schema.table_schema import Schema
from sdae.data.tables import ReadOptions
from sdae.data.tables.filled_column import FilledColumn
from sdae.data.tables.formats import name_of
from sdae.data.tables.whole_file import WholeFile
from sdae.data.typed_dataset import options_for, read_for_schema

_ROWS_AT_ONCE = 1 << 14
_DAY = 86_400.0
_IMPUTER = "SDAEImputer"


@dataclass(frozen=True, eq=False)
class CompletedTable:
    """A table whose gaps are filled, not yet written.

    Attributes
    ----------
    file : WholeFile
    columns : tuple of FilledColumn
        Those with gaps.
    n_rows : int
    options : ReadOptions
        How a CSV was read.
    decimal : str or None
        The decimal character of a CSV.
    """

    file: WholeFile
    columns: tuple[FilledColumn, ...]
    n_rows: int
    options: ReadOptions
    decimal: str | None


class Learned(NamedTuple):
    """What a saved imputer has settled in ``fit``.

    Attributes
    ----------
    n_rounds : int
        Rounds of refilling.
    constants : ndarray or None
        As those of :class:`~sdae.core.filling.Filler`.
    """

    n_rounds: int = 0
    constants: Rows | None = None


def learned_by(model: Model) -> Learned:
    """Return what the imputer of a model has settled; for other models nothing is.

    Raises
    ------
    FileFormatError
        If it is the model of an imputer, but not a valid one.
    """
    if model.estimator is None or model.estimator.get("kind") != _IMPUTER:
        return Learned()
    # These import scikit-learn.
    from sdae.estimators.imputation import filler_of
    from sdae.estimators.saving import checked_estimator

    imputer = checked_estimator(model, Path("The model"))
    return Learned(imputer.n_iter_, filler_of(imputer).constants)


def complete(
    model: Model,
    content: bytes,
    source: str,
    *,
    depth: int,
    learned: Learned,
    na_values: Sequence[str] = (),
) -> CompletedTable:
    """Fill the gaps of a table by what the network reconstructs.

    Parameters
    ----------
    model : Model
    content : bytes
        The bytes of a file.
    source : str
        The file, or "-" for standard input.
    depth : int
        Layers to encode with before decoding.
    learned : Learned
        How often each gap is predicted once more, from the values that the others were filled with;
        and which columns are filled by a constant.
    na_values : sequence of str
        Words that mean a missing value, beside those of training.

    Raises
    ------
    SdaeError
        If the file cannot be read, or columns are missing or of another type than in training.
    """
    if isinstance(model.stack, FoldedLadder):
        raise DataError(
            "A ladder cannot fill gaps: it learned to remove noise of a fixed size, not to guess "
            "what is missing. Train a stack on the table, with: sdae train DATA --recipe table"
        )
    source = name_of(source)
    usual = None if model.schema is None else model.schema.written.separator
    file = WholeFile(content, source, usual)
    schema = _schema_for(model, file.names, source)
    constants = _constants(schema, file.names)
    found = read_for_schema(
        source,
        schema,
        content=content,
        more=[column.name for column in constants],
        na_values=na_values,
    )
    table = found.table
    raw = {column.name: column for column in table}
    missing = schema.missing(table, source)  # (n, C)
    filler = Filler(model.stack, schema.blocks, depth=depth, constants=learned.constants)
    parts = []
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        x = schema.encode(table[rows], source, expects_gaps=True)  # (rows, V)
        incomplete = missing[rows].any(axis=1)
        if incomplete.any():
            filled = filler.filled(x[incomplete], missing[rows][incomplete], learned.n_rounds)
            parts.append(schema.decode(filled))
    columns = []
    for column, gaps in zip(schema.used, missing.T, strict=True):
        if gaps.any():
            values = np.concatenate([part[column.name] for part in parts])
            values = values[gaps[missing.any(axis=1)]]  # (m,)
            type_, whole = _type_of(column, raw[column.name], named_types=model.schema is not None)
            if isinstance(column, DateColumn) and _are_days(raw[column.name], column):
                values = np.rint(values / _DAY) * _DAY
            columns.append(FilledColumn(column.name, type_, np.flatnonzero(gaps), values, whole))
    for constant in constants:
        columns += _filled_constant(constant, raw[constant.name])
    options = options_for(schema, na_values=na_values)
    return CompletedTable(file, tuple(columns), len(table), options, found.decimal)


def _schema_for(model: Model, names: Sequence[str], source: str) -> Schema:
    """Return the columns of a model under the names that a file has for them.

    Raises
    ------
    DataError
        If the columns have no names in the model, and the file has another number of them.
    """
    schema = model.schema or _schema_of_numbers(model)
    if schema.named:
        return schema
    if len(names) != len(schema.columns):
        raise DataError(
            f"{source} has {len(names)} columns, but the model expects {len(schema.columns)}: it "
            "was trained on rows whose columns have no names, so they are matched by their order. "
            "Leave out the columns that are not features."
        )
    renamed = [
        replace(column, name=name) for column, name in zip(schema.columns, names, strict=True)
    ]
    return Schema(
        renamed,
        missing_marks=schema.missing_marks,
        written=schema.written,
        handle_unknown=schema.handle_unknown,
    )


def _schema_of_numbers(model: Model) -> Schema:
    """Return the columns of a model of numbers without gaps; a gap is masked as by its noise."""
    n_visible, scaling = model.stack.n_visible, model.scaling
    offset = np.zeros(n_visible) if scaling is None else scaling.offset
    scale = np.ones(n_visible) if scaling is None else scaling.scale
    names = model.feature_names or tuple(f"x{k}" for k in range(n_visible))
    kind = "none" if scaling is None else scaling.kind
    columns = [
        NumberColumn(name, LinearScale(kind, float(offset[k]), float(scale[k])), 0.0, False)
        for k, name in enumerate(names)
    ]
    return Schema(columns, named=model.feature_names is not None)


def _constants(schema: Schema, names: Sequence[str]) -> list[IgnoredColumn]:
    """Return the columns that had one value in training, and that a file has."""
    return [
        column
        for column in schema.columns
        if isinstance(column, IgnoredColumn) and column.why == "constant" and column.name in names
    ]


def _filled_constant(column: IgnoredColumn, raw: RawColumn) -> list[FilledColumn]:
    """Fill a constant column with its value, if it has no other and says what type it is."""
    known = raw.values[~raw.missing]
    if len(known) == len(raw.values) or not len(known) or not (known == column.value).all():
        return []
    rows = np.flatnonzero(raw.missing)
    return [FilledColumn(column.name, raw.type, rows, np.full(len(rows), known[0]), raw.whole)]


def _are_days(raw: RawColumn, column: DateColumn) -> bool:
    """Return whether dates have no time of the day; without dates, whether those of fit had."""
    known = raw.values[~raw.missing]
    if raw.type is not ColumnType.DATE or not len(known):
        return "day" not in column.cycles
    return not np.mod(known, _DAY).any()


def _type_of(column: Column, raw: RawColumn, *, named_types: bool) -> tuple[ColumnType, bool]:
    """Return the type of the values of a column, and whether they are whole numbers."""
    if isinstance(column, DateColumn):
        return ColumnType.DATE, False
    is_known = not raw.missing.all()
    if isinstance(column, NumberColumn):
        # A model of numbers alone does not say which are whole.
        whole = column.whole if named_types else raw.whole
        return raw.type if is_known else ColumnType.NUMBER, whole
    assert isinstance(column, BinaryColumn | CategoryColumn)
    if column.type is ColumnType.TEXT:
        return ColumnType.TEXT, False
    levels = column.levels if isinstance(column, BinaryColumn) else column.decoded_levels
    whole = all(float(level).is_integer() for level in levels)
    return raw.type if is_known else column.type, whole
