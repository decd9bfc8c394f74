"""Overimputation: hide observed cells, fill them, and compare with what was hidden.

Axes: n rows, C columns.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import KNNImputer, SimpleImputer

from sdae.core.constraints import number
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.core.schema.columns import IgnoredColumn
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_schema import Schema
from sdae.estimators.imputation_schema import levels_of

Cells = NDArray[np.bool_]
Numbers = NDArray[np.float64]

RMSE, ERROR_RATE = "rmse", "error rate"


@dataclass(frozen=True)
class ColumnError:
    """How well the hidden cells of one column were filled, by whom.

    Attributes
    ----------
    name : str
    measure : str
        ``rmse``: root of the mean squared error, in standard deviations of the column; ``error
        rate``: share of the cells filled with another level, for binaries and categories.
    n_hidden : int
        Number of hidden cells.
    error : float
        Of this imputer.
    simple, knn, iterative : float
        Of the mean or the most frequent level, of KNNImputer and of IterativeImputer; the last two
        get standardised numbers, and standardised codes of levels.
    """

    name: str
    measure: str
    n_hidden: int
    error: float
    simple: float
    knn: float
    iterative: float


Fill = Callable[[RawTable], tuple[Schema, Mapping[str, NDArray[Any]]]]
"""Learns from a table and fills it: its schema, and the values of each column, (n,)."""


def errors_of_columns(
    fill: Fill, table: RawTable, rate: float, seed: int
) -> tuple[ColumnError, ...]:
    """Hide a share of the observed cells of a table, and compare who fills them how well.

    Raises
    ------
    InvalidParameterError
        If `rate` is not above 0 and below 1.
    DataError
        If no cell can be hidden.
    """
    caller = "SDAEImputer.overimpute"
    try:
        rate = number(0, 1, open_minimum=True, open_maximum=True).read(rate)
    except ValueError:
        raise invalid_parameter("rate", caller, "above 0 and below 1", rate) from None
    hidden = _chosen(table, rate, seed)
    if not hidden.any():
        raise DataError(
            f"X of {caller} has too few observed cells to hide {100 * rate:g} % of them. Give it "
            "more rows, or raise the rate."
        )
    holes = RawTable(
        [column.without(cells) for column, cells in zip(table, hidden.T, strict=True)],
        named=table.named,
    )
    schema, ours = fill(holes)
    numbers, levels = _coded(table, holes, schema)
    rivals = _filled_by_rivals(numbers, levels, hidden)
    found = []
    for place, column in enumerate(schema.columns):
        cells = hidden[:, place]
        if isinstance(column, IgnoredColumn) or not cells.any():
            continue
        truth, known = table.columns[place].values, levels.get(place)
        if known is None:
            by_us = _rmse(ours[column.name][cells] - truth[cells].astype(float))
            unit = float(np.nanstd(holes.columns[place].values)) or 1.0
            errors = [_rmse(filled[cells, place] - numbers[cells, place]) for filled in rivals]
            found.append(ColumnError(column.name, RMSE, int(cells.sum()), by_us / unit, *errors))
        else:
            wrong = float(np.mean(ours[column.name][cells] != truth[cells]))
            errors = [
                float(np.mean(_nearest(filled[cells, place], known) != truth[cells]))
                for filled in rivals
            ]
            found.append(ColumnError(column.name, ERROR_RATE, int(cells.sum()), wrong, *errors))
    return tuple(found)


def _chosen(table: RawTable, rate: float, seed: int) -> Cells:
    """Choose observed cells, (n, V): not the last of a row."""
    missing = np.stack([column.missing for column in table], axis=1)
    rng = generator(NoiseKey(seed, Stream.IMPUTATION))
    hidden = ~missing & (rng.random(missing.shape) < rate)
    hidden[(missing | hidden).all(axis=1)] = False
    return hidden


def _coded(
    table: RawTable, holes: RawTable, schema: Schema
) -> tuple[Numbers, Mapping[int, NDArray[Any]]]:
    """Return standardised numbers, and codes of levels, (n, V); and the levels in their order.

    Units are those of the cells that are not hidden. Columns that are left out are NaN.
    """
    numbers = np.full(table.shape, np.nan)
    levels: dict[int, NDArray[Any]] = {}
    for place, column in enumerate(schema.columns):
        if isinstance(column, IgnoredColumn):
            continue
        raw = table.columns[place]
        values = raw.values
        if levels_of(column):
            known = values[~raw.missing]
            levels[place] = np.array(sorted(set(known.tolist())), values.dtype)
            codes = {level: code for code, level in enumerate(levels[place].tolist())}
            values = np.array([codes.get(value, np.nan) for value in values.tolist()])
            numbers[:, place] = values
        else:
            seen = holes.columns[place].values
            numbers[:, place] = (values - np.nanmean(seen)) / (np.nanstd(seen) or 1.0)
    return numbers, levels


def _filled_by_rivals(
    numbers: Numbers, levels: Mapping[int, NDArray[Any]], hidden: Cells
) -> list[Numbers]:
    """Return numbers, (n, V), filled by the mean or mode, KNNImputer and IterativeImputer."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it gives the next name
    from sklearn.impute import IterativeImputer

    rows = np.where(hidden, np.nan, numbers)
    used = np.flatnonzero(~np.isnan(rows).all(axis=0))
    simple = rows.copy()
    for place in used.tolist():
        strategy = "most_frequent" if place in levels else "mean"
        simple[:, [place]] = SimpleImputer(strategy=strategy).fit_transform(rows[:, [place]])
    centre, unit = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    for place in levels:  # numbers are standardised already
        centre[place] = np.nanmean(rows[:, place])
        unit[place] = np.nanstd(rows[:, place]) or 1.0
    filled = [simple]
    for rival in (KNNImputer(), IterativeImputer(random_state=0)):
        one = rows.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            one[:, used] = rival.fit_transform(((rows - centre) / unit)[:, used])
        one[:, used] = (one * unit + centre)[:, used]
        filled.append(one)
    return filled


def _nearest(codes: Numbers, levels: NDArray[Any]) -> NDArray[Any]:
    """Return the levels nearest to codes."""
    places = np.clip(np.rint(codes), 0, len(levels) - 1).astype(int)
    found: NDArray[Any] = levels[places]
    return found


def _rmse(errors: Numbers) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))
