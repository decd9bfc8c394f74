"""The work of ``SDAEImputer``: how it learns, and the tables that it fills.

Axes: n rows, V components, C columns, L levels.
"""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import validate_data

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.filling import Cells, Filler, Rows
from sdae.core.in_blocks import products_of_a_block
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import is_source
from sdae.core.schema.columns import Column, IgnoredColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn
from sdae.core.schema.number_columns import NumberColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import Schema
from sdae.core.surroundings import undisturbed
from sdae.core.threads import threads
from sdae.core.wording import listed
from sdae.estimators.completing import Filling, completed, mark_of
from sdae.estimators.fit_callbacks import Recorder
from sdae.estimators.imputation_schema import (
    columns_in_order,
    constant_filling,
    levels_of,
    type_of,
)
from sdae.estimators.imputation_settings import ImputationSettings, epochs_of
from sdae.estimators.imputation_training import Plan, numbered, train_to_impute
from sdae.estimators.inputs import as_table, checked_rows, missing_marker
from sdae.estimators.parameters import Settings
from sdae.estimators.raw_input import as_array, is_frame

_SEEDS_APART = 1_000_003


def known_table(imputer: Any, X: Any, *, reset: bool) -> tuple[Any, RawTable]:
    """Return X, record batches as a table, and its raw columns, checked.

    The columns of arrays are checked by scikit-learn's rules, and those of data frames where all
    were numbers in ``fit``: others are matched by name.
    """
    X = as_table(X)
    if isinstance(X, TableRows):
        raise DataError(
            f"X of {type(imputer).__name__} must be in memory, since its gaps are filled there. "
            "Read it as a data frame, or some of its rows."
        )
    if sparse.issparse(X):
        raise DataError(
            f"X of {type(imputer).__name__} is sparse, which an imputer does not support. Give it "
            "X.toarray()."
        )
    if not is_frame(X) and not is_source(X):
        array = as_array(X)
        X = validate_data(
            imputer,
            X if array is None else array,
            reset=reset,
            dtype=None,
            ensure_all_finite=False,
        )
    table: RawTable = checked_rows(imputer, X, reset=reset)
    if is_frame(X) and not reset and _numbers_alone(imputer.schema_):
        validate_data(imputer, X, reset=False, skip_check_array=True)
    return X, table


def _numbers_alone(schema: Schema) -> bool:
    """Return whether all columns were numbers in ``fit``: the type of a constant is not known."""
    return all(
        isinstance(column, NumberColumn)
        or (isinstance(column, BinaryColumn | CategoryColumn) and column.type is ColumnType.NUMBER)
        for column in schema.columns
    )


def check_rows(table: RawTable, caller: str) -> None:
    """Raise an error for a single row: it does not show what differs.

    Raises
    ------
    DataError
        If there is one row.
    """
    if len(table) < 2:
        raise DataError(f"X of {caller} has 1 sample, and a minimum of 2 is required.")


@undisturbed()
def learn_to_impute(
    imputer: Any, table: RawTable, settings: Settings, own: ImputationSettings
) -> None:
    """Train the network of an imputer on a table, and note what hidden cells show."""
    x, missing = encoded(imputer, table)
    imputer._marked = np.array([raw.missing.any() for _, raw, _ in _columns(imputer, table)], bool)
    epochs = epochs_of(imputer.pretrain_epochs, settings, len(x))
    config = replace(settings.pretraining(len(x), epochs), weight_decay=own.weight_decay)
    recorder = Recorder(verbose=settings.verbose)
    seed = imputer._seed + _SEEDS_APART * imputer._n_calls
    plan = Plan(own.corruption_levels, own.max_iter, seed)
    # A step takes about four times as long as a forward pass.
    n_products = products_of_a_block(imputer.network_, 4 * config.batch_size)
    with threads(settings.n_threads, n_products):
        filler = Filler(imputer.network_, imputer.schema_.blocks, imputer.n_threads)
        learned = train_to_impute(filler, x, missing, config, plan, recorder)
    imputer._n_calls += 1
    imputer.network_.zero_grad()
    imputer.history_ = numbered(recorder.records)
    imputer.n_iter_, imputer.hidden_errors_ = learned.n_rounds, learned.errors
    imputer.spread_, imputer._constants = learned.spread, learned.constants


@undisturbed()
def filled_table(
    imputer: Any, X: Any, table: RawTable, own: ImputationSettings, draw: int | None
) -> Any:
    """Return X with filled gaps: by draws of the number `draw`, or by predictions."""
    values = filled_values(imputer, table, draw)
    marker = missing_marker(imputer)
    fillings = []
    for (column, raw, place), had_gaps in zip(
        _columns(imputer, table), imputer._marked, strict=True
    ):
        if isinstance(column, IgnoredColumn):
            filling = constant_filling(column, raw, place)
            if raw.type is ColumnType.DATE and isinstance(column.value, float):
                # The type says so, though all values may be missing.
                filling = replace(filling, type=ColumnType.DATE)
        else:
            filling = Filling(
                column.name,
                place,
                type_of(column, raw),
                raw.missing,
                values[column.name],
                marker=marker if isinstance(marker, Real) else np.nan,
            )
        fillings.append(
            replace(
                filling,
                marked=own.add_indicator and bool(had_gaps),
                kept=_is_kept(column, own),
            )
        )
    return completed(X, fillings)


@undisturbed()
def filled_values(
    imputer: Any, table: RawTable, draw: int | None = None
) -> dict[str, NDArray[Any]]:
    """Return the values of each used column with filled gaps, (n,), by name."""
    schema: Schema = imputer.schema_
    x, missing = encoded(imputer, table)
    if missing.any():
        filler = filler_of(imputer)
        if draw is None:
            x = filler.filled(x, missing, imputer.n_iter_)
        else:
            key = NoiseKey(imputer._seed, Stream.IMPUTATION, epoch=draw)
            x = filler.drawn(x, missing, imputer.spread_, key)
    return schema.decode(x)


def shares_of(imputer: Any, table: RawTable, column: str | int | None) -> NDArray[np.float64]:
    """Return the probability of each level of a column, (n, L), as if it were missing.

    None: of all columns of levels, side by side, in the order of the network.

    Raises
    ------
    InvalidParameterError
        If it is not a column of levels.
    """
    schema: Schema = imputer.schema_
    places = {one.name: place for place, one in enumerate(schema.used) if levels_of(one)}
    x, _ = encoded(imputer, table)
    filler = filler_of(imputer)
    if column is None:
        every = [_shares(filler, x, schema, place) for place in places.values()]
        return np.concatenate([np.empty((len(x), 0)), *every], axis=1)
    name = column
    if isinstance(column, int | np.integer) and not isinstance(column, bool):
        name = schema.names[column] if -len(schema.names) <= column < len(schema.names) else ""
    if name not in places:
        wanted = f"a binary or a category ({listed(places) or 'X has none'}), by name or place"
        raise invalid_parameter("column", f"{type(imputer).__name__}.predict_proba", wanted, column)
    return _shares(filler, x, schema, places[str(name)])


def _shares(filler: Filler, x: Rows, schema: Schema, place: int) -> NDArray[np.float64]:
    shares = filler.alone(x, place).astype(np.float64)
    if len(levels_of(schema.used[place])) == shares.shape[1]:
        return shares
    return np.concatenate([1 - shares, shares], axis=1)


def names_out(imputer: Any, input_features: Any, own: ImputationSettings) -> NDArray[np.object_]:
    """Return the names of the columns of a filled table.

    Raises
    ------
    ValueError
        If `input_features` are not the columns of ``fit``.
    """
    schema: Schema = imputer.schema_
    names = list(schema.names)
    if input_features is not None:
        given = [str(name) for name in input_features]
        if schema.named and given != names:
            raise ValueError("input_features is not equal to feature_names_in_")
        if len(given) != len(names):
            raise ValueError(
                f"input_features should have length equal to number of features ({len(names)}), "
                f"got {len(given)}"
            )
        names = given
    columns = list(zip(names, schema.columns, imputer._marked, strict=True))
    kept = [name for name, column, _ in columns if _is_kept(column, own)]
    marks = [mark_of(name) for name, _, had_gaps in columns if own.add_indicator and had_gaps]
    return np.array([*kept, *marks], object)


def encoded(imputer: Any, table: RawTable) -> tuple[Rows, Cells]:
    """Return rows for the network, (n, V), and their gaps, (n, C)."""
    schema: Schema = imputer.schema_
    caller = f"X of {type(imputer).__name__}"
    columns_in_order(schema, table, caller)
    return schema.encode(table, caller), schema.missing(table, caller)


def filler_of(imputer: Any) -> Filler:
    """Return what fills gaps with the network of an imputer."""
    blocks = imputer.schema_.blocks
    return Filler(imputer.network_, blocks, imputer.n_threads, constants=imputer._constants)


def constant_features(imputer: Any) -> tuple[str, ...]:
    """Return the names of the columns that are predicted by a constant."""
    schema, constants = imputer.schema_, imputer._constants
    return tuple(
        column.name for column, place in schema.places() if not np.isnan(constants[place]).any()
    )


def _columns(imputer: Any, table: RawTable) -> Sequence[tuple[Column, RawColumn, int]]:
    """Return the columns of ``fit`` with those of a table, and their places there."""
    schema: Schema = imputer.schema_
    places = columns_in_order(schema, table, f"X of {type(imputer).__name__}")
    return [
        (column, table.columns[place], place)
        for column, place in zip(schema.columns, places, strict=True)
    ]


def _is_kept(column: Column, own: ImputationSettings) -> bool:
    """Return whether a filled table has a column: an empty one only if it is wanted."""
    empty = isinstance(column, IgnoredColumn) and column.why == "empty"
    return own.keep_empty_features or not empty
