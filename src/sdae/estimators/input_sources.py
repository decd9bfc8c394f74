"""Rows of estimators that stay in a source, such as files: see :func:`sdae.data.open_rows`.

Axes: n rows, V columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.rows import RowSource
from sdae.core.source_rows import SourceRows, at_hand


def checked_source(
    estimator: Any, X: RowSource, *, reset: bool
) -> SourceRows | NDArray[np.floating]:
    """Check the columns of rows in a source against those of ``fit``; few rows are read at once.

    Raises
    ------
    ValueError
        With scikit-learn's words: no rows, or other columns than in ``fit``.
    DataError
        If the estimator reads a table, or a value is not finite.
    """
    name = type(estimator).__name__
    if len(X) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) in X of {name} while a minimum of 1 is required."
        )
    if getattr(estimator, "_always_a_table", False):
        raise DataError(
            f"X of {name} must be in memory, since its gaps are filled there. Rows of open_rows do "
            "not have gaps: read the file as a data frame."
        )
    if _reads_a_table(estimator, reset=reset):
        raise DataError(
            f"X of {name} must be a table here, since its columns are read as those of one. Rows "
            "of open_rows are numbers without gaps: open the file with sdae.data.open_table."
        )
    rows = SourceRows(X)
    names = _names_of(X)
    if reset:
        estimator.n_features_in_ = rows.shape[1]
        estimator.__dict__.pop("feature_names_in_", None)
        if names is not None:
            estimator.feature_names_in_ = np.array(names, object)
    else:
        _check_columns(estimator, rows, names, name)
    found: SourceRows | NDArray[np.floating] = at_hand(rows)
    return found


def _reads_a_table(estimator: Any, *, reset: bool) -> bool:
    """Return whether the rows of an estimator are those of a table with typed columns."""
    if not reset:
        return estimator.__dict__.get("schema_") is not None
    declared = estimator.categorical_features
    asked = not (declared is None or isinstance(declared, str)) and np.size(declared) > 0
    return asked or estimator.scale in ("robust", "quantile")


def _names_of(X: Any) -> tuple[str, ...] | None:
    """Return the names that the files have for their columns, if they have any."""
    return tuple(X.columns) if getattr(X, "named", False) else None


def _check_columns(
    estimator: Any, rows: SourceRows, names: tuple[str, ...] | None, name: str
) -> None:
    known = estimator.__dict__.get("feature_names_in_")
    if rows.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {rows.shape[1]} features, but {name} is expecting {estimator.n_features_in_} "
            "features as input."
        )
    if names is None or known is None or list(names) == [str(each) for each in known]:
        return
    place = next(k for k, one in enumerate(names) if one != str(known[k]))
    raise ValueError(
        f"The feature names of X should match those that were passed during fit of {name}, in "
        f"their order. Column {place} is {names[place]!r}, and was {str(known[place])!r}: open the "
        "rows with columns=list(model.feature_names_in_)."
    )
