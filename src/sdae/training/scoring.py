"""Labelled rows, and how many of them a network classifies wrongly.

Axes: n rows, B rows at a time.
"""

from torch import Tensor

from sdae.arrays import Array, Labels
from sdae.rows import RowSource, label_tensor, minibatches, row_source
from sdae.stack import StackedDenoisingAutoencoder

LabelledRows = tuple[Array, Labels]

_ROWS_AT_A_TIME = 1024


def labelled_rows(
    stack: StackedDenoisingAutoencoder, pair: LabelledRows, name: str
) -> tuple[RowSource, Tensor]:
    """Check a pair (x, y) against a stack, and bring it to the stack's device.

    Raises
    ------
    InvalidParameterError
        If the stack has no head.
    DataError
        If rows or labels have the wrong shape, type or range; `name` says of which set.
    """
    x, y = pair
    like = stack.head.weight
    rows = row_source(x, stack.n_visible, like, f"x of the {name} set")
    return rows, label_tensor(y, len(rows), like.shape[0], f"the {name} set", like)


def error_rate(stack: StackedDenoisingAutoencoder, rows: RowSource, labels: Tensor) -> float:
    """Return the share of rows that the network classifies wrongly, in [0, 1]."""
    wrong = 0
    for minibatch in minibatches(len(rows), _ROWS_AT_A_TIME):
        predicted = stack.predict(rows.batch(minibatch))  # (B,)
        wrong += int((predicted != labels[minibatch.span]).sum())
    return wrong / len(rows)
