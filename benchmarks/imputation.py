"""Errors of SDAEImputer beside the mean, KNNImputer and IterativeImputer on real tables.

    python benchmarks/imputation.py               # all, about 20 minutes
    python benchmarks/imputation.py penguins OJ   # these tables; the results of others stay
    python benchmarks/imputation.py times         # only the seconds

In each table observed cells are hidden, at random or depending on another column, 15 or 40 % of
them. Each method fits and fills the rest with its defaults. Numbers: root of the mean squared
error, in standard deviations of the column, mean of the columns. Categories: share of the hidden
cells filled with another level, mean of the columns. The rivals get standardised numbers and, for
categories, standardised codes of levels in alphabetical order; their answer is the nearest code.
SDAEImputer gets the table as it is. Its defaults were chosen on nine other tables, its
rule for columns that a constant fills on seven others of ISLP.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from _machine import describe
from imputation_data import Cells, hidden_cells, is_number, pd, tables, without
from numpy.typing import NDArray
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it gives the next name
from sklearn.impute import IterativeImputer, KNNImputer

from sdae import SDAEImputer

SEEDS = (0, 1)
RATES = (0.15, 0.4)
MECHANISMS = ("random", "dependent")
RESULT = Path(__file__).parent / "results" / "imputation.json"
Numbers = NDArray[np.float64]


def coded(table: Any) -> tuple[Numbers, list[list[str] | None]]:
    """Return numbers, dates in days, and codes of levels, (n, V); and each column's levels."""
    columns, levels = [], list[list[str] | None]()
    for name in table:
        column = table[name]
        if is_number(column):
            seconds = column.dtype.kind == "M"
            values = (column - pd.Timestamp(0)) / pd.Timedelta(days=1) if seconds else column
            columns.append(values.to_numpy(float))
            levels.append(None)
        else:
            category = pd.Categorical(column)
            columns.append(np.where(category.codes < 0, np.nan, category.codes))
            levels.append(list(category.categories))
    return np.stack(columns, axis=1), levels


def filled_by_rivals(holes: Numbers, levels: list[list[str] | None]) -> dict[str, Numbers]:
    """Return tables of codes, (n, V), filled by each rival."""
    simple = holes.copy()
    for k, known in enumerate(levels):
        seen = holes[~np.isnan(holes[:, k]), k]
        value = seen.mean() if known is None else np.bincount(seen.astype(int)).argmax()
        simple[np.isnan(holes[:, k]), k] = value
    filled = {"mean or mode": simple}
    centre, unit = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
    unit[unit == 0] = 1
    for rival in (KNNImputer(), IterativeImputer(random_state=0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = rival.fit_transform((holes - centre) / unit) * unit + centre
        filled[type(rival).__name__] = answer
    return filled


def errors(
    truth: Numbers, filled: Numbers, hidden: Cells, holes: Numbers, levels: list[list[str] | None]
) -> dict[str, float]:
    """Return the mean error of numbers and of categories, over the columns with hidden cells."""
    numbers, categories = [], []
    for k, known in enumerate(levels):
        cells = hidden[:, k]
        if not cells.any():
            continue
        wanted, answer = truth[cells, k], filled[cells, k]
        if known is None:
            unit = np.nanstd(holes[:, k]) or 1.0
            numbers.append(np.sqrt(np.mean(np.square((wanted - answer) / unit))))
        else:
            nearest = np.clip(np.rint(answer), 0, len(known) - 1)
            categories.append(np.mean(nearest != wanted))
    return {
        name: float(np.mean(each))
        for name, each in (("numbers", numbers), ("categories", categories))
        if each
    }


def measured(table: Any, rate: float, mechanism: str, seed: int) -> dict[str, Any]:
    """Return the errors of every method on one table with hidden cells."""
    hidden = hidden_cells(table, rate, mechanism, seed)
    with_holes = without(table, hidden)
    truth, levels = coded(table)
    holes = np.where(hidden, np.nan, truth)
    filled = filled_by_rivals(holes, levels)
    ours = SDAEImputer(random_state=seed).fit_transform(with_holes)
    codes, _ = coded(
        ours.assign(
            **{
                name: pd.Categorical(ours[name], known)
                for name, known in zip(table, levels, strict=True)
                if known is not None
            }
        )
    )
    filled = {"SDAEImputer": codes, **filled}
    return {who: errors(truth, each, hidden, holes, levels) for who, each in filled.items()}


def seconds() -> dict[str, float]:
    """Return the processor's seconds of fit and fill of 10,000 rows of 30 columns, 15 % missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 8)) @ rng.normal(size=(8, 30)) + rng.normal(size=(10_000, 30))
    X[rng.random(X.shape) < 0.15] = np.nan
    found = {}
    for imputer in (SDAEImputer(random_state=0), IterativeImputer(random_state=0)):
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            imputer.fit(X)
        fitted = time.process_time()
        imputer.transform(X)
        name = type(imputer).__name__
        found[f"{name}, fit"] = fitted - start
        found[f"{name}, transform"] = time.process_time() - fitted
        print(f"{name}: fit {fitted - start:.1f} s", flush=True)
    return found


def rows_of(name: str, table: Any) -> list[dict[str, Any]]:
    """Return the errors on one table, a row for each way of hiding."""
    rows = []
    for mechanism in MECHANISMS:
        for rate in RATES:
            runs = [measured(table, rate, mechanism, seed) for seed in SEEDS]
            row = {
                "table": name,
                "shape": table.shape,
                "mechanism": mechanism,
                "rate": rate,
                "seeds": SEEDS,
            }
            for who in runs[0]:
                row[who] = {
                    kind: [run[who][kind] for run in runs if kind in run[who]]
                    for kind in ("numbers", "categories")
                }
            rows.append(row)
            means = {who: round(float(np.mean(row[who]["numbers"])), 3) for who in runs[0]}
            print(name, mechanism, rate, means, flush=True)
    return rows


def kept(rows: list[dict[str, Any]], times: dict[str, float] | None = None) -> None:
    """Write results; those of other tables stay."""
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {"seconds": {}, "rows": []}
    new = {row["table"] for row in rows}
    every = [*(row for row in before["rows"] if row["table"] not in new), *rows]
    result = {
        "machine": describe(),
        "seconds": before["seconds"] if times is None else times,
        "rows": sorted(every, key=lambda row: row["table"].lower()),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    """Measure the tables that are named, or all, and the times."""
    wanted = sys.argv[1:]
    for name, table in tables().items():
        if not wanted or name in wanted:
            kept(rows_of(name, table))
    if not wanted or "times" in wanted:
        kept([], seconds())


if __name__ == "__main__":
    main()
