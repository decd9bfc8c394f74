"""The heads: what the layer on top of a network is for, and how far it is from what is right.

A head is a linear layer. One entry says what its targets must be, the loss by which it is trained,
the answer and the probabilities that its outputs make, the error by which it is judged, and how all
of this is written in an ONNX graph. To add one, add a member here, and its answers to ``HEADS`` of
``app/export/numpy_program.py`` and to ``heads`` of ``app/report/static/network.js``: see
docs/adding-a-kind.md.

Losses are sums over classes or labels, and means over regression's targets, as scikit-learn's.

Of a network in half precision, losses are computed in float32 from its outputs, since a sum in half
precision is soon infinite (float16) or stands still (bfloat16). The gradients that go back into the
network are of its own type, with its range and its rounding.

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
    """What is known of a head.

    Attributes
    ----------
    parameter : str
        The parameter of a stack that gives its number of outputs.
    least : int
        The fewest outputs it may have.
    outputs : str
        What the outputs are called.
    wanted : callable
        Of n and O, in words what the targets of n rows must be.
    check : callable
        Of targets, n, O, the name of the set and a parameter of the network: the targets as a
        tensor on its device, (n,) or (n, O).

        Raises DataError if they are not what they must be.
    loss : callable
        Of outputs (B, O) and targets: the loss of each row, (B,).
    answer : callable
        Of outputs: the class numbers (B,), the labels (B, L) as 0 and 1, or the values (B, T).
    answer_name : str
        What exports call it.
    error : callable
        Of answers and targets: how wrong each row is, (B,); its mean is what validation looks at.
    error_name : str
        What this mean is.
    probabilities : callable or None
        Of outputs: probabilities (B, O), where the head has some.
    picks_one : bool
        Whether one of the outputs is the answer, so that the probabilities of a row sum to 1.
    probabilities_onnx, answer_onnx : callable or None
        Add the probabilities and the answer to a graph, given what adds a node and the name of the
        outputs. None for an answer: the outputs are the answer.
    """

    parameter: str
    least: int
    outputs: str
    wanted: Callable[[int, int], str]
    check: Callable[[Targets, int, int, str, Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    answer: Callable[[Tensor], Tensor]
    answer_name: str
    error: Callable[[Tensor, Tensor], Tensor]
    error_name: str
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
    smallest = torch.finfo(means.dtype).tiny  # a mean that has become 0 is still none
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
    """What the layer on top of a network is for."""

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
            answer=lambda logits: logits.argmax(dim=1),
            answer_name="label",
            error=lambda predicted, y: predicted != y,
            error_name="share of rows classified wrongly",
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
            answer=lambda logits: (logits > 0).long(),
            answer_name="labels",
            error=lambda predicted, y: (predicted != y).double().mean(dim=1),
            error_name="share of labels predicted wrongly",
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
            answer=lambda values: values,
            answer_name="prediction",
            error=_squared_error,
            error_name="mean squared error",
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
            answer=torch.exp,
            answer_name="prediction",
            error=_poisson_error,
            error_name="half the mean Poisson deviance",
            answer_onnx=lambda node, a: node("Exp", a),
        ),
    )

    @classmethod
    def of(cls, parameter: str) -> "Head":
        """Return the head that a parameter of a stack asks for by itself."""
        return next(head for head in cls if head.facts.parameter == parameter)
