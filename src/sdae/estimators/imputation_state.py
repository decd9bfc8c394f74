"""What the file of an imputer keeps beside its network, written and read.

Axes: S components of values (without indicators).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.blocks import Blocks
from sdae.core.constraints import boolean, integer, number
from sdae.core.schema.column_json import number as finite

_ROUNDING = 1e-3


def state_of(imputer: Any) -> dict[str, Any]:
    """Return what ``fit`` has learned as plain JSON values."""
    return {
        "n_iter": imputer.n_iter_,
        "hidden_errors": list(imputer.hidden_errors_),
        "spread": imputer.spread_.tolist(),
        "marked": imputer._marked.tolist(),
        "constants": [None if np.isnan(each) else float(each) for each in imputer._constants],
    }


def restore(imputer: Any, state: Mapping[str, Any]) -> None:
    """Give an imputer, which has its schema, what :func:`state_of` returned.

    Raises
    ------
    ValueError, LookupError, TypeError
        If it is something else.
    """
    if imputer.schema_ is None:
        raise ValueError("an imputer needs a schema")
    blocks = imputer.schema_.blocks
    if len(blocks.indicators) != blocks.n_columns:
        raise ValueError("a column of an imputer lacks its indicator")
    if not all(isinstance(state[name], list) for name in ("hidden_errors", "spread", "marked")):
        raise TypeError("its errors, its spread and its marks must be lists")
    imputer.n_iter_ = integer(0).read(state["n_iter"])
    imputer.hidden_errors_ = tuple(number(0).read(error) for error in state["hidden_errors"])
    imputer.spread_ = np.array([number(0).read(each) for each in state["spread"]], np.float64)
    imputer._marked = np.array([boolean().read(each) for each in state["marked"]], bool)
    if (
        len(imputer.spread_) != sum(blocks.numbers)
        or len(imputer._marked) != imputer.n_features_in_
    ):
        raise ValueError("its spread or its marks do not fit the columns")
    if imputer.n_iter_ >= len(imputer.hidden_errors_):
        raise ValueError("it refills for more rounds than it has tried")
    imputer._constants = _constants(state["constants"], blocks)


def _constants(entry: object, blocks: Blocks) -> NDArray[np.float32]:
    """Read the constants of columns, (S,): numbers or shares of levels, and None for others."""
    if not isinstance(entry, list) or len(entry) != blocks.sizes.sum():
        raise ValueError("its constants do not fit the columns")
    values = np.array([np.nan if each is None else finite(each) for each in entry], np.float32)
    n_numbers, n_binaries = len(blocks.numbers), blocks.n_binaries
    for column, own in enumerate(np.split(values, np.cumsum(blocks.sizes)[:-1])):
        if np.isnan(own).all():
            continue
        valid = bool(np.isfinite(own).all())
        if column >= n_numbers:
            valid = valid and bool(((own >= 0) & (own <= 1)).all())
        if column >= n_numbers + n_binaries:
            valid = valid and abs(float(own.sum()) - 1) < _ROUNDING
        if not valid:
            raise ValueError("its constants are not those of whole columns")
    return values
