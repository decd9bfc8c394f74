"""Learning curves of each layer and of fine-tuning, and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass

from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model
from sdae.train.history import (
    FINETUNING,
    PRETRAINING,
    EpochRecord,
    Finding,
    History,
    history_of,
    part_of,
)


@dataclass(frozen=True)
class Curve:
    """The epochs of a layer, or of the whole network.

    Attributes
    ----------
    layer : int or None
        Number of the layer; None for the whole network.
    costs, seconds : tuple of float
        Cost and seconds of each epoch.
    validation_errors, test_errors : tuple of float or None
        Errors of each epoch, as shares of rows.
    n_samples : int
        Rows per epoch.
    engines : tuple of str
    stage : str
    """

    layer: int | None
    costs: tuple[float, ...]
    seconds: tuple[float, ...]
    validation_errors: tuple[float | None, ...]
    test_errors: tuple[float | None, ...]
    n_samples: int
    engines: tuple[str, ...]
    stage: str = FINETUNING

    @property
    def name(self) -> str:
        """Name of the layer, or of the training of the whole network."""
        return part_of(self.stage, self.layer)


@dataclass(frozen=True)
class Found:
    """A finding of the doctor, and its epoch."""

    where: str
    epoch: int
    finding: Finding


@dataclass(frozen=True)
class Training:
    """The content of the history.

    Attributes
    ----------
    curves : tuple of Curve
        Curves of the pre-trained layers, then of the last fine-tuning; or of a ladder.
    finetuning : History or None
        The last fine-tuning, or the training of a ladder.
    findings : tuple of Found
    """

    curves: tuple[Curve, ...]
    finetuning: History | None
    findings: tuple[Found, ...]

    @property
    def pretraining_seconds(self) -> float:
        """Seconds of pre-training, without validation."""
        return sum(sum(curve.seconds) for curve in self.curves if curve.layer is not None)

    @property
    def finetuning_seconds(self) -> float:
        """Seconds of the last fine-tuning or of a ladder, without validation."""
        return 0.0 if self.finetuning is None else self.finetuning.seconds


@dataclass(frozen=True)
class Architecture:
    """The network.

    Attributes
    ----------
    sizes : tuple of int
        Sizes of the input, of each layer, and of the head if there is one.
    n_parameters : int
    activation : str
    corruption, decoders : tuple of str
        Noise and decoder of each layer.
    tied : bool
    """

    sizes: tuple[int, ...]
    n_parameters: int
    activation: str
    corruption: tuple[str, ...]
    decoders: tuple[str, ...]
    tied: bool


def training_of(records: Sequence[EpochRecord]) -> Training:
    """Group the records of a run by layer and stage."""
    layers = sorted({r.layer for r in records if r.layer is not None and r.stage == PRETRAINING})
    curves = [_curve([r for r in records if r.layer == layer]) for layer in layers]
    finetuning = history_of(records)
    if finetuning is not None:
        curves.append(_curve(finetuning.records))
    findings = tuple(Found(r.part, r.epoch, finding) for r in records for finding in r.findings)
    return Training(tuple(curves), finetuning, findings)


def architecture_of(model: Model) -> Architecture:
    """Describe the network of a model."""
    stack = model.stack
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    trained = stack.ladder if isinstance(stack, FoldedLadder) else stack
    head = () if stack.n_outputs is None else (stack.n_outputs,)
    return Architecture(
        sizes=(stack.n_visible, *stack.hidden_layer_sizes, *head),
        n_parameters=sum(parameter.numel() for parameter in trained.parameters()),
        activation=str(stack.activation),
        corruption=tuple(str(layer.corruption) for layer in layers),
        decoders=tuple(str(layer.decoder) for layer in layers),
        tied=layers[0].tied,
    )


def _curve(records: Sequence[EpochRecord]) -> Curve:
    first = records[0]
    return Curve(
        layer=first.layer,
        costs=tuple(r.cost for r in records),
        seconds=tuple(r.seconds for r in records),
        validation_errors=tuple(r.validation_error for r in records),
        test_errors=tuple(r.test_error for r in records),
        n_samples=round(first.samples_per_second * first.seconds),
        engines=tuple(sorted({r.engine for r in records})),
        stage=first.stage,
    )
