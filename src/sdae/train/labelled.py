"""Rows with labels or values, checked against a network.

Axes: n rows, T targets of regression.
"""

import torch
from torch import Tensor

from sdae.core.conversions import Array, Targets
from sdae.core.errors import DataError
from sdae.core.rows import RowsLike, RowSource, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.targets import weight_tensor

LabelledRows = tuple[RowsLike, Targets]
ScoredRows = tuple[RowSource, Tensor, Tensor | None]
"""Rows, their labels or values, and weights (n,) float64 on the CPU; None weights all equally."""


def pair_of(given: LabelledRows, name: str) -> LabelledRows:
    """Return rows and their labels or values.

    Raises
    ------
    DataError
        If there are not two parts.
    """
    try:
        x, y = given
    except (TypeError, ValueError):
        length = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        raise DataError(
            f"The {name} set must be a pair (x, y): rows, and their labels or values. Got a "
            f"{type(given).__name__}{length} instead."
        ) from None
    return x, y


def labelled_rows(
    stack: StackedDenoisingAutoencoder, pair: LabelledRows, name: str
) -> tuple[RowSource, Tensor]:
    """Check a pair (x, y) against a stack, and bring it to the stack's device.

    Returns
    -------
    rows : RowSource
    y : Tensor
        Labels (n,) int64; with a regression head, values (n, T) of the parameters' type.

    Raises
    ------
    InvalidParameterError
        If the stack has no head.
    DataError
        If rows, labels or values have the wrong shape, type or range; the message has the `name` of
        the set.
    """
    x, y = pair_of(pair, name)
    like, facts = stack.head.weight, stack.head_facts
    rows = row_source(x, stack.n_visible, like, f"x of the {name} set")
    return rows, facts.check(y, len(rows), like.shape[0], f"the {name} set", like)


def scored_rows(
    stack: StackedDenoisingAutoencoder, pair: LabelledRows, name: str, weight: Array | None
) -> ScoredRows:
    """Check rows to be scored as :func:`labelled_rows` does, and how much each of them counts."""
    rows, y = labelled_rows(stack, pair, name)
    exact = torch.empty(0, dtype=torch.float64)
    return rows, y, None if weight is None else weight_tensor(weight, len(rows), name, exact)
