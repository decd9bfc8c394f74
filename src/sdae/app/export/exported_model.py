"""The exported model, and the results of the package to compare every export with.

Axes: n rows, V columns, H units of the layer whose codes are exported, O outputs of the
head: C classes, L labels or T targets.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core import in_blocks
from sdae.core.errors import DataError
from sdae.core.inference import answers, codes, outputs, probabilities, rebuilt
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import Model
from sdae.core.preprocessing import FARTHEST, Scaling
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_schema import Schema
from sdae.core.stack import StackedDenoisingAutoencoder

Rows = NDArray[np.float32] | NDArray[np.float64]
Answers = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model to export, and its settings.

    Attributes
    ----------
    model : Model
    depth : int
        Number of layers after which codes are taken, and rows are reconstructed from them. A ladder
        reconstructs from all its layers.
    labels : ndarray of int64, uint64, bool or object (texts), shape (C,) or (L,), or None
        What each output stands for; None where the head does not give probabilities.
    target_scaling : Scaling or None
        The scaling that converts outputs of a regression to the units of its targets.
    """

    model: Model
    depth: int
    labels: NDArray[Any] | None
    target_scaling: Scaling | None

    @property
    def stack(self) -> StackedDenoisingAutoencoder:
        """The network."""
        return self.model.stack

    @property
    def ladder(self) -> LadderNetwork | None:
        """The ladder that the network is the stack of."""
        return self.stack.ladder if isinstance(self.stack, FoldedLadder) else None

    @property
    def rebuilt_from(self) -> int | None:
        """The depth that rows are reconstructed from; None for a ladder, from all."""
        return self.depth if self.ladder is None else None

    @property
    def schema(self) -> Schema | None:
        """The columns of a table, if the model takes one."""
        return self.model.schema

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of the parameters and of the network's computations."""
        return np.dtype(str(self.stack.autoencoder(0).weight.dtype).removeprefix("torch."))

    @property
    def row_dtype(self) -> "np.dtype[Any]":
        """Type of the input and output rows of an ONNX file, and of the rows to check on.

        An estimator scales float64 rows before they become float32, and so does the file. The file
        of a run takes float32, as its users expect: the caller rounds the rows.
        """
        scaled_as_they_are = self.model.estimator is not None and self.model.scaling is not None
        return np.dtype(np.float64) if scaled_as_they_are else self.dtype


def subject_of(model: Model, depth: int) -> Subject:
    """Return the part of a model to export.

    Raises
    ------
    DataError
        If it has half precision, in which other programs compute other results, or a single class.
    FileFormatError
        If it is the model of a regressor, but not a valid one.
    """
    check_several_classes(model, "The model")
    stack = model.stack
    kind = stack.autoencoder(0).weight.dtype
    if kind not in (torch.float32, torch.float64):
        raise DataError(
            f"The parameters of an exported network must be float32 or float64. Got {kind} "
            "instead. Load the network with StackedDenoisingAutoencoder.load, call float(), and "
            "save it."
        )
    labels = None
    if stack.head_kind is not None and stack.head_kind.facts.probabilities is not None:
        labels = _labels(model.classes or tuple(range(stack.head.out_features)))
    return Subject(model, depth, labels, target_scaling_of(model))


def target_scaling_of(model: Model) -> Scaling | None:
    """Return the scaling that converts outputs of a regression to the units of its targets.

    Raises
    ------
    FileFormatError
        If it is the model of a regressor, but not a valid one.
    """
    if model.stack.n_targets is None or model.estimator is None:
        return model.target_scaling
    from sdae.estimators.saving import checked_estimator  # this imports scikit-learn

    return getattr(checked_estimator(model, Path("The model")), "target_scaling_", None)


def check_several_classes(model: Model, name: str) -> None:
    """Raise an error for an estimator of a single class, whose answer is always that class.

    Its head has one output, as that of a single label which a row may lack.

    Raises
    ------
    DataError
        If the model has one.
    """
    if model.estimator is not None and model.stack.n_labels == 1:
        label = 0 if model.classes is None else model.classes[0]
        raise DataError(
            f"{name} is a classifier of a single class, {label!r}, which it predicts for every "
            "row. Fit one with at least two classes; for codes alone, fit an SDAETransformer."
        )


def without_untrained_head(model: Model) -> Model:
    """Return the model without its head if the head is still zero, that is, untrained.

    The network that a run keeps from before fine-tuning has such a head; a ladder never has.
    """
    stack = model.stack
    is_ladder = isinstance(stack, FoldedLadder)
    if stack.n_outputs is None or model.estimator is not None or is_ladder:
        return model
    if any(bool(parameter.any()) for parameter in stack.head.parameters()):
        return model
    headless = copy.deepcopy(stack)
    del headless.mlp[-1]
    headless.head_kind = headless.n_outputs = None
    return replace(model, stack=headless, classes=None)


def package_answers(subject: Subject, x: Rows | RawTable) -> Answers:
    """Return the results of the package for rows, (n, V): each output by its name."""
    if subject.dtype == np.float64:
        return exact_answers(subject, x)

    rows = scaled(subject, x) if isinstance(x, RawTable) else x
    stack, scaling, depth = subject.stack, subject.model.scaling, subject.depth
    return _answers(
        subject,
        outputs=lambda: outputs(stack, rows, scaling),
        codes=lambda: codes(stack, rows, scaling, depth),
        rebuilt=lambda: rebuilt(stack, rows, scaling, subject.rebuilt_from),
    )


def exact_answers(
    subject: Subject, x: Rows | RawTable, rng: np.random.Generator | None = None
) -> Answers:
    """Return the results of the same weights in float64 for the same scaled rows.

    With `rng`, every weight and every number of the rows is first changed by two units in the last
    place of the network's own type, up or down: about the size of its rounding errors.
    """
    stack = copy.deepcopy(subject.stack).double()
    weights: list[Tensor] = [*stack.parameters()]
    if isinstance(stack, FoldedLadder):
        weights += [value for _, value in stack.ladder.named_state()]
    rows = torch.from_numpy(scaled(subject, x).astype(np.float64))
    if rng is not None:
        two_units = 2 * float(np.finfo(subject.dtype).eps)
        with torch.no_grad():
            for numbers in (rows, *weights):
                signs = 2 * rng.integers(2, size=numbers.shape, dtype=np.int8) - 1
                numbers.add_(numbers * torch.from_numpy(signs), alpha=two_units)

    with torch.inference_mode():
        return _answers(
            subject,
            outputs=lambda: in_blocks.outputs(stack, rows).numpy(),
            codes=lambda: in_blocks.layer_codes(stack, rows)[subject.depth - 1].numpy(),
            rebuilt=lambda: in_blocks.rebuilt(stack, rows, subject.rebuilt_from).numpy(),
        )


def scaled(subject: Subject, x: Rows | RawTable) -> NDArray[Any]:
    """Return rows as the network takes them, (n, V) -> (n, V) of its type."""
    scaling = subject.model.scaling
    if isinstance(x, RawTable):
        assert subject.schema is not None
        encoded = subject.schema.encode(x, "The table").astype(subject.dtype)
        clipped: Rows = np.clip(encoded, -FARTHEST, FARTHEST)
        return clipped
    with np.errstate(over="ignore"):  # values too large for the type are clipped
        values = x if scaling is None else (x - scaling.offset) / scaling.scale
        rows: Rows = np.clip(values.astype(subject.dtype), -FARTHEST, FARTHEST)
    return rows


def _answers(
    subject: Subject,
    *,
    outputs: Callable[[], NDArray[Any]],
    codes: Callable[[], NDArray[Any]],
    rebuilt: Callable[[], NDArray[Any]],
) -> Answers:
    found: dict[str, NDArray[Any]] = {}
    if subject.stack.head_kind is not None:
        found |= head_answers(subject, outputs())  # (n, O)
    found["codes"] = codes()  # (n, H)
    found["reconstruction"] = undone(rebuilt(), subject.model.scaling)  # (n, V)
    return found


def head_answers(subject: Subject, raw: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what the outputs of the head, (n, O), say: each answer by its name."""
    head = subject.stack.head_kind
    if head is None:
        return {}
    answer = answers(head, raw)
    if subject.labels is None:  # values
        return {head.facts.answer_name: undone(answer, subject.target_scaling)}
    if head.facts.picks_one:
        answer = subject.labels[answer]  # (n,) -> (n,)
    return {"probabilities": probabilities(head, raw), head.facts.answer_name: answer}


def undone(values: NDArray[Any], scaling: Scaling | None) -> NDArray[Any]:
    """Convert values, (n, K), to the units before scaling."""
    return values if scaling is None else values * scaling.scale + scaling.offset


def _labels(classes: tuple[int, ...] | tuple[str, ...]) -> NDArray[Any]:
    if all(isinstance(label, bool) for label in classes):
        return np.array(classes, np.bool_)
    if all(isinstance(label, int) for label in classes):
        for kind in (np.int64, np.uint64):
            try:
                return np.array(classes, kind)
            except OverflowError:
                pass
    return np.array([str(label) for label in classes], object)
