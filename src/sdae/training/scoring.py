"""Labelled rows, and how far a network is from their labels, or in regression from their values.

Axes: n rows, B rows at a time, T targets of regression.
"""

from collections.abc import Callable

from torch import Tensor

from sdae.arrays import Targets
from sdae.minibatches import minibatches
from sdae.rows import RowsLike, RowSource, row_source
from sdae.stack import StackedDenoisingAutoencoder
from sdae.targets import label_tensor, value_tensor

LabelledRows = tuple[RowsLike, Targets]

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
    check = label_tensor if stack.n_targets is None else value_tensor
    return rows, check(y, len(rows), like.shape[0], f"the {name} set", like)


def error_of(stack: StackedDenoisingAutoencoder, rows: RowSource, y: Tensor) -> float:
    """Return what fine-tuning validates by: error rate, or in regression mean squared error."""
    return (error_rate if stack.n_targets is None else mean_squared_error)(stack, rows, y)


def error_rate(stack: StackedDenoisingAutoencoder, x: RowsLike, labels: Tensor) -> float:
    """Return the share of rows that the network classifies wrongly, in [0, 1]."""

    def n_wrong(x: Tensor, y: Tensor) -> int:
        return int((stack.predict(x) != y).sum())

    return _mean(n_wrong, stack, x, labels)


def mean_squared_error(stack: StackedDenoisingAutoencoder, x: RowsLike, values: Tensor) -> float:
    """Return the mean of (ŷ − y)² over all rows and targets; `values` are (n, T)."""

    def squares(x: Tensor, y: Tensor) -> float:
        return float((stack.predict_values(x) - y).square().mean(dim=1).sum())  # (B, T) -> ()

    return _mean(squares, stack, x, values)


def _mean(
    total_of: Callable[[Tensor, Tensor], float],
    stack: StackedDenoisingAutoencoder,
    x: RowsLike,
    y: Tensor,
) -> float:
    """Add up a total over rows, some at a time, and divide it by their number."""
    rows = row_source(x, stack.n_visible, stack.head.weight, "x")
    batches = minibatches(len(rows), _ROWS_AT_A_TIME)
    return sum(total_of(rows.batch(part), y[part.span]) for part in batches) / len(rows)
