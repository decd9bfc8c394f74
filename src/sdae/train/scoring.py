"""Labelled rows, and how far a network is from their labels, or in regression from their values.

Axes: n rows, B rows at a time, T targets of regression.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sdae.core.conversions import Array, Targets
from sdae.core.errors import DataError
from sdae.core.losses import widened
from sdae.core.minibatches import minibatches
from sdae.core.rows import RowsLike, RowSource, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.targets import check_squares, label_tensor, value_tensor, weight_tensor

LabelledRows = tuple[RowsLike, Targets]
ScoredRows = tuple[RowSource, Tensor, Tensor | None]
"""Rows, their labels or values, and weights (n,) float64 on the CPU; None weighs all alike."""

_ROWS_AT_A_TIME = 1024


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
        If rows, labels or values have the wrong shape, type or range; `name` says of which set.
    """
    x, y = pair
    like = stack.head.weight
    rows = row_source(x, stack.n_visible, like, f"x of the {name} set")
    if stack.n_targets is None:
        return rows, label_tensor(y, len(rows), like.shape[0], f"the {name} set", like)
    values = value_tensor(y, len(rows), stack.n_targets, f"the {name} set", like)
    check_squares(values, f"the {name} set")
    return rows, values


def scored_rows(
    stack: StackedDenoisingAutoencoder, pair: LabelledRows, name: str, weight: Array | None
) -> ScoredRows:
    """Check rows to be scored as :func:`labelled_rows` does, and how much each of them counts."""
    rows, y = labelled_rows(stack, pair, name)
    exact = torch.empty(0, dtype=torch.float64)
    return rows, y, None if weight is None else weight_tensor(weight, len(rows), name, exact)


def error_of(stack: StackedDenoisingAutoencoder, scored: ScoredRows) -> float:
    """Return what fine-tuning validates by: error rate, or in regression mean squared error.

    Raises
    ------
    DataError
        If the sum of the squares is beyond the type of the parameters.
    """
    return (error_rate if stack.n_targets is None else mean_squared_error)(stack, *scored)


def error_rate(
    stack: StackedDenoisingAutoencoder, x: RowsLike, labels: Tensor, weight: Tensor | None = None
) -> float:
    """Return the share of rows that the network classifies wrongly, by weight, in [0, 1]."""

    def wrong(x: Tensor, y: Tensor) -> Tensor:
        return stack.predict(x) != y  # (B, V) -> (B,)

    return _mean(wrong, stack, x, labels, weight)


def mean_squared_error(
    stack: StackedDenoisingAutoencoder, x: RowsLike, values: Tensor, weight: Tensor | None = None
) -> float:
    """Return the mean of (ŷ − y)² over all rows, by weight, and targets; `values` are (n, T)."""

    def squares(x: Tensor, y: Tensor) -> Tensor:
        return (
            (widened(stack.predict_values(x)) - widened(y)).square().mean(dim=1)
        )  # (B, T) -> (B,)

    return _mean(squares, stack, x, values, weight)


def _mean(
    errors_of: Callable[[Tensor, Tensor], Tensor],
    stack: StackedDenoisingAutoencoder,
    x: RowsLike,
    y: Tensor,
    weight: Tensor | None,
) -> float:
    """Return the mean, by weight, of an error of each row, some rows at a time."""
    rows = row_source(x, stack.n_visible, stack.head.weight, "x")
    total = 0.0
    for part in minibatches(len(rows), _ROWS_AT_A_TIME):
        errors = errors_of(rows.batch(part), y[part.span])  # (B,)
        if weight is not None:
            errors = errors.cpu().double() * weight[part.span]
        total += float(errors.sum())
    if not math.isfinite(total):
        raise DataError(
            "The sum of the squared errors of the rows to score is not finite any more: their "
            f"values go up to {float(y.abs().max()):.6g}. Divide all values by a constant."
        )
    return total / (len(rows) if weight is None else float(weight.sum()))
