"""The state of a stage while it trains: written to checkpoints, and where to go on from.

What is kept: parameters, what the optimiser remembers, the records so far, the place, and what
early stopping knows. The order of the samples and the noise are functions of the seed, so no state
of a generator is kept.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from sdae.checkpoints.folder import Checkpoint, StageCheckpoints, opened
from sdae.checkpoints.frequency import Due
from sdae.config.readers import Reader, boolean, integer, number, optional
from sdae.engines.choice import Engine
from sdae.errors import FileFormatError, InvalidParameterError
from sdae.model_file import parameters_of
from sdae.stack import StackedDenoisingAutoencoder
from sdae.training.epoch import Epoch, Place
from sdae.training.history import EpochRecord, History
from sdae.training.identity import circumstances

T = TypeVar("T")
Tensors = Mapping[str, Tensor]
Extra = tuple[Mapping[str, Any], Tensors]

logger = logging.getLogger("sdae")

_OTHERWISE = (
    "Training goes on under other circumstances, so it may not end with the same bytes as without "
    "a break: %s."
)
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


def _nothing() -> Extra:
    return {}, {}


@dataclass(frozen=True)
class Kept:
    """A checkpoint that was read.

    Attributes
    ----------
    place : Place
        Where training was.
    history : History
        So far; of a complete stage the whole.
    complete : bool
        Whether the stage has ended.
    engine : str
        Who trained.
    extra : mapping
        What else the stage keeps: JSON values.
    tensors : mapping
        All tensors, by kind and name: ``parameters.…``, ``optimizer.…``, ``best.…``.
    """

    place: Place
    history: History
    complete: bool
    engine: str
    extra: Mapping[str, Any]
    tensors: Tensors

    def part(self, kind: str) -> dict[str, Tensor]:
        """Return the tensors of a kind, by name."""
        start = f"{kind}."
        return {n.removeprefix(start): t for n, t in self.tensors.items() if n.startswith(start)}


class Extras:
    """Reads what else a stage kept, and words what is wrong with it."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def number(self, name: str) -> float:
        """Return a number."""
        return self._read(name, number(0))

    def error(self, name: str) -> float | None:
        """Return an error measured, or None."""
        return self._read(name, optional(number(0)))

    def epoch(self, name: str) -> int | None:
        """Return the number of an epoch, or None."""
        return self._read(name, optional(integer(1)))

    def best_parameters(self, like: Sequence[Tensor]) -> list[Tensor]:
        """Return the parameters kept as the best, if any, for parameters like those given."""
        best = self._kept.part("best")
        if not best:
            return []
        copies = {str(place): torch.empty_like(p).detach() for place, p in enumerate(like)}
        try:
            give_back(copies, best)
        except ValueError as error:
            raise _malformed(error) from None
        return list(copies.values())

    def _read(self, name: str, reader: Reader[T]) -> T:
        try:
            return reader.read(self._kept.extra[name])
        except _MALFORMED as error:
            raise _malformed(error) from None


def _malformed(error: Exception) -> FileFormatError:
    return FileFormatError(
        f"The checkpoint is not valid: {error}. Delete its folder to train from the beginning."
    )


class Keeper:
    """Writes checkpoints of a stage and knows where to go on; without a folder it does nothing.

    Attributes
    ----------
    kept : Kept or None
        What there was to go on from.
    """

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        stage: str,
        checkpoint: Checkpoint | None,
        identity: Mapping[str, str],
    ) -> None:
        self._stack = stack
        self._checkpoint = checkpoint
        self._identity = dict(identity)
        self.kept: Kept | None = None
        if checkpoint is None:
            return
        self._due = Due(checkpoint.frequency)
        self._files = StageCheckpoints(Path(checkpoint.folder), stage, checkpoint.keep)
        found = self._files.newest()
        if found is not None:
            try:
                self.kept = self._take_up(*found)
            except InvalidParameterError:
                raise
            except _MALFORMED as error:
                raise _malformed(error) from None

    @property
    def first_layer(self) -> int:
        """The layer to go on with; those below are trained."""
        return 0 if self.kept is None else self.kept.place.layer or 0

    def start(self, layer: int | None, engine: Engine) -> Place:
        """Return where the training of a layer, or of the network, begins."""
        if self.kept is None or self.kept.place.layer != layer:
            return Place(layer)
        try:
            engine.restore(self.kept.part("optimizer"))
        except _MALFORMED as error:
            raise _malformed(error) from None
        if engine.name != self.kept.engine:
            logger.warning(_OTHERWISE, f"engine was {self.kept.engine}, and is {engine.name}")
        return self.kept.place

    def after_slice(
        self,
        progress: Epoch,
        engine: Engine,
        records: Sequence[EpochRecord],
        *,
        n_steps: int,
        epoch_ended: bool,
        extra: Callable[[], Extra] = _nothing,
    ) -> None:
        """Write a checkpoint if one is due, or if training is to be interrupted.

        Raises
        ------
        BaseException
            The interruption.
        FileAccessError
            If the checkpoint cannot be written; the earlier ones are then intact.
        """
        if self._checkpoint is None:
            return
        interruption = self._checkpoint.interruption()
        due = self._due.after(n_steps, epoch_ended=epoch_ended)
        if due or interruption is not None:
            values, tensors = extra()
            history = History(tuple(records))
            self._save(progress.place, history, engine, values, tensors)
            self._due.restart()
        if interruption is not None:
            raise interruption

    def end(self, history: History) -> None:
        """Keep the end of the stage: the same call then returns it without training."""
        if self._checkpoint is not None:
            self._save(Place(None), history, None, {}, {}, complete=True)

    def _save(
        self,
        place: Place,
        history: History,
        engine: Engine | None,
        extra: Mapping[str, Any],
        tensors: Tensors,
        *,
        complete: bool = False,
    ) -> None:
        state = {} if engine is None else engine.state()
        kinds = {"parameters": dict(parameters_of(self._stack)), "optimizer": state}
        description = {
            "identity": self._identity,
            "circumstances": circumstances(self._stack),
            "complete": complete,
            "engine": "" if engine is None else engine.name,
            "place": asdict(place),
            "history": asdict(history),
            "extra": dict(extra),
        }
        every = {f"{kind}.{name}": t for kind, part in kinds.items() for name, t in part.items()}
        self._files.save(description, {**every, **tensors}, last=complete)

    def _take_up(self, description: dict[str, Any], tensors: dict[str, Tensor]) -> Kept:
        """Check a checkpoint and give the stack its parameters."""
        self._check_identity(description["identity"])
        differs = [
            f"{name} was {was}, and is {now}"
            for name, now in circumstances(self._stack).items()
            if (was := description["circumstances"].get(name)) != now
        ]
        if differs:
            logger.warning(_OTHERWISE, "; ".join(differs))
        kept = Kept(
            _place(description["place"]),
            _history(description["history"]),
            boolean().read(description["complete"]),
            str(description["engine"]),
            dict(description["extra"]),
            tensors,
        )
        give_back(dict(parameters_of(self._stack)), kept.part("parameters"))
        return kept

    def _check_identity(self, before: Mapping[str, str]) -> None:
        differs = [
            f"{name} was {before.get(name)}, and is {self._identity.get(name)} now"
            for name in sorted(before.keys() | self._identity.keys())
            if before.get(name) != self._identity.get(name)
        ]
        if differs and self._checkpoint is not None:
            raise InvalidParameterError(
                f"The checkpoint parameter names the folder {self._checkpoint.folder}, which "
                f"holds another training: {'; '.join(differs)}. Choose another folder, or delete "
                "that one."
            )


@contextmanager
def keeping(
    stack: StackedDenoisingAutoencoder,
    stage: str,
    checkpoint: Checkpoint | None,
    identity: Callable[[], Mapping[str, str]],
) -> Iterator[Keeper]:
    """Hold the folder of checkpoints while a stage trains.

    Raises
    ------
    FileAccessError
        If another process uses it, or it cannot be written.
    FileFormatError
        If what it holds is damaged.
    InvalidParameterError
        If it holds the checkpoints of another training.
    """
    if checkpoint is None:
        yield Keeper(stack, stage, None, {})
        return
    with opened(Path(checkpoint.folder)):
        yield Keeper(stack, stage, checkpoint, identity())


def give_back(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into parameters of the same names.

    Raises
    ------
    ValueError
        If a name, a shape or a type differs; no parameter is then changed.
    """
    for name in sorted(parameters.keys() | values.keys()):
        ours, theirs = parameters.get(name), values.get(name)
        if ours is None or theirs is None:
            raise ValueError(f"it has not the same parameters: {name}")
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            raise ValueError(f"{name} has another shape or type")
        if not bool(theirs.isfinite().all()):
            raise ValueError(f"{name} is not finite")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(values[name])


def _place(values: Mapping[str, Any]) -> Place:
    if values.keys() != {item.name for item in fields(Place)}:
        raise ValueError("its place is malformed")
    return Place(
        optional(integer(0)).read(values["layer"]),
        integer(1).read(values["epoch"]),
        integer(0).read(values["n_batches"]),
        integer(0).read(values["n_samples"]),
        number(-math.inf).read(values["total"]),
        number(0).read(values["seconds"]),
    )


def _history(values: Mapping[str, Any]) -> History:
    anything = optional(number(-math.inf))
    return History(
        tuple(EpochRecord.from_values(record) for record in values["records"]),
        optional(integer(1)).read(values["best_epoch"]),
        anything.read(values["best_validation_error"]),
        anything.read(values["test_error"]),
        boolean().read(values["stopped_early"]),
    )
