"""The heads: the kinds of layers on top of a network, with their losses and errors.

A head is a linear layer. One entry has the check of its targets, its loss, its prediction and its
probabilities, its error, and how to write all of this in an ONNX graph. To add one, add a member
here, and its predictions to ``HEADS`` of ``app/export/numpy_program.py`` and to ``heads`` of
``app/report/static/network.js``: see docs/adding-a-kind.md.

Losses are sums over classes or labels, and means over regression's targets, as scikit-learn's.

For a network in half precision, losses are computed in float32 from its outputs, since a sum in
half precision soon overflows (float16) or stops growing (bfloat16). The gradients of the network
have its own type.

Axes: n rows, B rows of a batch, O outputs: C classes, L labels or T targets of regression.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sdae.core.conversions import Targets, widened
from sdae.core.kinds.activations import Node, sigmoid_nodes
from sdae.core.kinds.kind import Kind
from sdae.core.targets import check_counts, check_squares, indicators, label_tensor, value_tensor

_INT64 = 7  # onnx.TensorProto.INT64


@dataclass(frozen=True)
class Facts:
    """The facts of a head.

    Attributes
    ----------
    parameter : str
        The parameter of a stack with its number of outputs.
    least : int
        Minimum number of outputs.
    outputs : str
        Name of the outputs.
    wanted : callable
        Returns in words what the targets of n rows must be, from n and O.
    check : callable
        Checks targets; gets the targets, n, O, the name of the set and a parameter of the network.
        Returns the targets as a tensor on its device, (n,) or (n, O).

        Raises DataError if targets are not allowed.
    loss : callable
        Computes the loss of each row, (B,), from outputs (B, O) and targets.
    kernel : int
        Its number in the compiled engine's kernels.
    answer : callable
        Computes the predictions from outputs: the class numbers (B,), the labels (B, L) as 0 and 1,
        or the values (B, T).
    answer_name : str
        Name of the predictions in exports.
    error : callable
        Computes the error of each row, (B,), from predictions and targets; its mean is the
        validation error: a share of rows or of labels, a mean squared error, or half a mean
        deviance.
    probabilities : callable or None
        Computes probabilities (B, O) from outputs; None if the head does not have them.
    picks_one : bool
        Whether one of the outputs is the answer, so that the probabilities of a row sum to 1.
    probabilities_onnx, answer_onnx : callable or None
        Add the probabilities and the predictions to a graph; they get a function that adds a node,
        and the name of the outputs. None for `answer_onnx`: the outputs are the predictions.
    """

    parameter: str
    least: int
    outputs: str
    wanted: Callable[[int, int], str]
    check: Callable[[Targets, int, int, str, Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    kernel: int
    answer: Callable[[Tensor], Tensor]
    answer_name: str
    error: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor] | None = None
    probabilities_onnx: Callable[[Node, str], str] | None = None
    answer_onnx: Callable[[Node, str], str] | None = None
    picks_one: bool = False


def _squared_loss(values: Tensor, y: Tensor) -> Tensor:
    """Half the mean squared error of each row, (B, T), (B, T) -> (B,)."""
    return (widened(values) - widened(y)).square().mean(dim=1) / 2


def _squared_error(values: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared error of each row, (B, T), (B, T) -> (B,)."""
    return (widened(values) - widened(y)).square().mean(dim=1)


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """−log p(y | x) of each row, (B, C), (B,) -> (B,)."""
    return F.cross_entropy(widened(logits), y, reduction="none")


def _binary_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """−Σ y log p + (1 − y) log(1 − p) of each row, (B, L), (B, L) -> (B,)."""
    per_label = F.binary_cross_entropy_with_logits(widened(logits), widened(y), reduction="none")
    return per_label.sum(dim=1)


def _poisson_loss(logs: Tensor, y: Tensor) -> Tensor:
    """Half the mean Poisson deviance of each row, from the logarithms of its means: (B,)."""
    logs, y = widened(logs), widened(y)
    return (torch.exp(logs) - y * logs + torch.xlogy(y, y) - y).mean(dim=1)


def _poisson_error(means: Tensor, y: Tensor) -> Tensor:
    """Half the mean Poisson deviance of each row, from its means: (B, T), (B, T) -> (B,)."""
    means, y = widened(means), widened(y)
    smallest = torch.finfo(means.dtype).tiny  # avoids a division by a mean of 0
    return (torch.xlogy(y, y / means.clamp(min=smallest)) - y + means).mean(dim=1)


def _values(y: Targets, n_rows: int, n_outputs: int, name: str, like: Tensor) -> Tensor:
    values = value_tensor(y, n_rows, n_outputs, name, like)
    check_squares(values, name)
    return values


def _counts(y: Targets, n_rows: int, n_outputs: int, name: str, like: Tensor) -> Tensor:
    values = value_tensor(y, n_rows, n_outputs, name, like)
    check_counts(values, name)
    return values


class Head(Kind):
    """The kind of layer on top of a network."""

    facts: Facts

    CLASSES = (
        "classes",
        Facts(
            parameter="n_classes",
            least=2,
            outputs="classes",
            wanted=lambda n, o: f"{n} integers in [0, {o}), one per row",
            check=label_tensor,
            loss=_cross_entropy,
            kernel=0,
            answer=lambda logits: logits.argmax(dim=1),
            answer_name="label",
            error=lambda predicted, y: predicted != y,
            probabilities=lambda logits: torch.softmax(logits, dim=1),
            probabilities_onnx=lambda node, a: node("Softmax", a, axis=1),
            answer_onnx=lambda node, a: node("ArgMax", a, axis=1, keepdims=0),
            picks_one=True,
        ),
    )
    MULTILABEL = (
        "multilabel",
        Facts(
            parameter="n_labels",
            least=1,
            outputs="labels",
            wanted=lambda n, o: f"zeros and ones of shape ({n}, {o}), one per row and label",
            check=indicators,
            loss=_binary_cross_entropy,
            kernel=1,
            answer=lambda logits: (logits > 0).long(),
            answer_name="labels",
            error=lambda predicted, y: (predicted != y).double().mean(dim=1),
            probabilities=torch.sigmoid,
            probabilities_onnx=sigmoid_nodes,
            answer_onnx=lambda node, a: node("Cast", node("Greater", a, 0.0), to=_INT64),
        ),
    )
    REGRESSION = (
        "regression",
        Facts(
            parameter="n_targets",
            least=1,
            outputs="values",
            wanted=lambda n, o: f"finite numbers of shape ({n}, {o}), one per row and target",
            check=_values,
            loss=_squared_loss,
            kernel=2,
            answer=lambda values: values,
            answer_name="prediction",
            error=_squared_error,
        ),
    )
    POISSON = (
        "poisson",
        Facts(
            parameter="n_targets",
            least=1,
            outputs="values",
            wanted=lambda n, o: f"numbers ≥ 0 of shape ({n}, {o}), one per row and target",
            check=_counts,
            loss=_poisson_loss,
            kernel=3,
            answer=torch.exp,
            answer_name="prediction",
            error=_poisson_error,
            answer_onnx=lambda node, a: node("Exp", a),
        ),
    )

    @classmethod
    def of(cls, parameter: str) -> "Head":
        """Return the head that a parameter of a stack implies."""
        return next(head for head in cls if head.facts.parameter == parameter)
