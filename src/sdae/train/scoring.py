"""The error of a network on the labels of rows or, in regression, on their values.

Axes: n rows, B rows at a time, O outputs.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sdae.core.errors import DataError
from sdae.core.inference import outputs, serves
from sdae.core.minibatches import minibatches
from sdae.core.rows import RowsLike, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.support import modified_network

Answers = Callable[[Tensor], Tensor]
"""Gives classes, labels or values for rows, (B, V)."""

_ROWS_AT_A_TIME = 1024


def answers_of(stack: StackedDenoisingAutoencoder) -> Answers:
    """Return a function of rows, (B, V), that gives the answers of a network as it then is.

    The compiled pass gives them where it knows the network. Its results are float32, so it is for
    such networks.
    """
    is_single = stack.head.weight.dtype is torch.float32
    if not (is_single and modified_network(stack) is None and serves(stack)):
        return stack.answers
    answer = stack.head_facts.answer
    return lambda x: answer(torch.from_numpy(outputs(stack, x.detach().numpy())))


def error_of(
    stack: StackedDenoisingAutoencoder,
    scored: tuple[RowsLike, Tensor, Tensor | None],
    answers: Answers | None = None,
) -> float:
    """Return the error used for validation: the weighted mean error of the head.

    It is a share of rows or of labels in [0, 1], or for values a mean squared error or deviance.
    `answers` are those of :func:`answers_of`, if the caller has them.

    Raises
    ------
    DataError
        If the sum of the errors overflows the type of the parameters.
    """
    x, y, weight = scored
    facts = stack.head_facts
    rows = row_source(x, stack.n_visible, stack.head.weight, "x")
    answers, total = answers or answers_of(stack), 0.0
    for part in minibatches(len(rows), _ROWS_AT_A_TIME):
        errors = facts.error(answers(rows.batch(part)), y[part.span])  # (B, O) -> (B,)
        if weight is not None:
            errors = errors.cpu().double() * weight[part.span]
        total += float(errors.sum())
    if not math.isfinite(total):
        raise DataError(
            "The sum of the squared errors of the rows to score is not finite: their values go up "
            f"to {float(y.abs().max()):.6g}. Divide all values by a constant."
        )
    return total / (len(rows) if weight is None else float(weight.sum()))
