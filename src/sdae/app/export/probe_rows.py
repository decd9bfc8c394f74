"""The rows on which an export is compared with the package: own, random and extreme rows.

Axes: n rows, V columns.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.export.exported_model import Answers, Rows, Subject, exact_answers, package_answers
from sdae.app.export.probe_table import probe_table
from sdae.core.errors import DataError
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_schema import Schema

_MOST_OWN = 1000
_RANDOM = 256
_SPIKES = 8
_EXTREMES = (0, 1e-30, 1, 3, 10, 30, 100, 300, 1e3, 1e6, 1e12, 1e18, 1e30, np.inf)
"""In the network's units. Steps of about 3 find where an activation is small, but not yet 0."""
_ROUNDINGS = 2


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows, and the expected results.

    Attributes
    ----------
    x : ndarray of the type the subject takes, shape (n, V), or RawTable
    kinds : mapping
        Number of rows of each kind, in order: ``own`` (if given), ``random``, ``extreme``.
    package : mapping of str to ndarray
        Results of the package.
    exact : mapping of str to ndarray
        Results in float64.
    rounded : tuple of mappings of str to ndarray
        Results in float64 after rounding every number randomly.
    """

    x: Any
    kinds: Mapping[str, int]
    package: Answers
    exact: Answers
    rounded: tuple[Answers, ...] = ()

    def rounded_answers(self, name: str) -> Iterator[NDArray[Any]]:
        """Yield results that the package could give with other rounding."""
        yield self.exact[name]
        for answers in self.rounded:
            yield answers[name]

    def place(self, row: int) -> str:
        """Return the name of a row: its kind, and its number of that kind, from 1."""
        for kind, number in self.kinds.items():
            if row < number:
                return f"{kind} row {row + 1}"
            row -= number
        raise IndexError(row)


def trial_of(subject: Subject, own: Any, seed: int = 0) -> Trial:
    """Choose rows and compute their results; the same model and rows give the same trial.

    Raises
    ------
    DataError
        If `own` are not rows of finite numbers of the right width.
    """
    rng = np.random.default_rng(seed)
    if subject.schema is not None:
        return table_trial(subject, subject.schema, own, rng)
    n_columns = subject.stack.n_visible
    parts: dict[str, Rows] = {}
    if own is not None:
        own = _checked(own, n_columns)
        chosen = np.sort(rng.permutation(len(own))[:_MOST_OWN])
        parts["own"] = _of_type(own[chosen], subject)
    half = (_RANDOM // 2, n_columns)
    parts["random"] = _in_units(subject, np.concatenate([rng.normal(size=half), rng.random(half)]))
    parts["extreme"] = _in_units(subject, _extreme_rows(n_columns, rng))
    kinds = {kind: len(part) for kind, part in parts.items()}
    return retried(subject, Trial(np.concatenate([*parts.values()]), kinds, {}, {}))


def table_trial(subject: Subject, schema: Schema, own: Any, rng: np.random.Generator) -> Trial:
    """Choose rows of a table: own ones, and random ones with gaps and unseen levels.

    Raises
    ------
    DataError
        If `own` is not a table, or an array of objects, with the columns of the schema.
    """
    table = probe_table(schema, rng)
    kinds = {"random": len(table)}
    if own is not None:
        if not isinstance(own, RawTable):
            from sdae.estimators.raw_input import raw_table  # this imports scikit-learn

            own = raw_table(own, "export_model")
        chosen = np.sort(rng.permutation(len(own))[:_MOST_OWN])
        own = _as_in_fit(own[chosen], table)
        kinds = {"own": len(own), **kinds}
        table = own.below(table)
    return retried(subject, Trial(table, kinds, {}, {}))


def _as_in_fit(own: RawTable, table: RawTable) -> RawTable:
    """Return rows to check on with the columns of another table, by names or by places."""
    if own.named:
        own = own.like(table, "The table to check on")
    elif own.shape[1] != table.shape[1]:
        raise DataError(
            f"The table to check on must have the {table.shape[1]} columns of fit. Got "
            f"{own.shape[1]} instead."
        )
    table.below(own)  # an error says which column is of another type
    return own


def retried(subject: Subject, trial: Trial) -> Trial:
    """Return a trial with the same rows and the results of another subject."""
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore", invalid="ignore"):
        package, exact = (answer(subject, trial.x) for answer in (package_answers, exact_answers))
        rounded = tuple(exact_answers(subject, trial.x, rng) for _ in range(_ROUNDINGS))
    return replace(trial, package=package, exact=exact, rounded=rounded)


def _checked(own: Any, n_columns: int) -> NDArray[Any]:
    rows = np.asarray(own)
    if rows.shape[1:] != (n_columns,) or not len(rows) or rows.dtype.kind not in "fiub":
        raise DataError(
            f"The rows to check on must be an array of numbers, (n, {n_columns}). Got shape "
            f"{rows.shape} and type {rows.dtype} instead."
        )
    return rows


def _extreme_rows(n_columns: int, rng: np.random.Generator) -> Rows:
    """Return rows with a value in all columns, in one column, and with random signs: (n, V)."""
    values = np.array([sign * value for value in _EXTREMES for sign in (1, -1)])[:, None]  # (n, 1)
    spikes = np.zeros((_SPIKES, n_columns))
    spikes[np.arange(_SPIKES), rng.integers(n_columns, size=_SPIKES)] = 1e6
    signs = rng.choice([-1.0, 1.0], size=(len(values), n_columns))
    return np.concatenate([values * np.ones(n_columns), values * signs, spikes, -spikes])


def _in_units(subject: Subject, rows: Rows) -> Rows:
    """Convert rows from the network's units to those of the data, as finite numbers."""
    scaling = subject.model.scaling
    most = np.finfo(subject.row_dtype).max
    with np.errstate(over="ignore"):
        values = rows if scaling is None else rows * scaling.scale + scaling.offset
    return _of_type(np.clip(values, -most, most), subject)


def _of_type(rows: Any, subject: Subject) -> Rows:
    """Return rows of the type that the subject takes.

    Raises
    ------
    DataError
        If a value is missing, or infinite in that type.
    """
    with np.errstate(over="ignore"):
        typed: Rows = rows.astype(subject.row_dtype)
    if not np.isfinite(typed).all():
        raise DataError(
            "The rows to check on have values that are missing or infinite. Impute them or drop "
            "the rows."
        )
    return typed
