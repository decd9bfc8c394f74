"""The state of a stage of training: writing it to checkpoints, and resuming from them.

It consists of the parameters, the state of the optimiser, the records so far, the place, and the
state of early stopping. The order of the samples and the noise are functions of the seed, so
generators have no state to save.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from sdae.core.constraints import boolean, choice
from sdae.core.errors import InvalidParameterError
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import parameters_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.wording import plain
from sdae.train.checkpoint_state import (
    MALFORMED,
    Extra,
    Kept,
    give_back,
    history_from,
    malformed,
    place_of,
)
from sdae.train.checkpoints.checkpoint_folder import Checkpoint, StageCheckpoints, opened
from sdae.train.checkpoints.frequency import Due
from sdae.train.engines.choice import Engine
from sdae.train.epoch import AnyPlan, Place
from sdae.train.history import PRETRAINING, History
from sdae.train.identity import Identity, circumstances, differences
from sdae.train.kept_by_first import kept_by_first
from sdae.train.processes.together import ALONE, Processes
from sdae.train.settings import ENGINES, LADDER_ENGINES

logger = logging.getLogger("sdae")

_OTHERWISE = (
    "Training continues under changed conditions, so it may not end with the same bytes as without "
    "the interruption: %s."
)


PROCESSES = "number of processes"
_BEFORE = {PROCESSES: "1"}  # of checkpoints that are older than the entry
_ENGINE = choice("", *(engine for engine in (*ENGINES, *LADDER_ENGINES) if engine != "auto"))
_MOST_TOLD = 8  # differences


@dataclass(frozen=True)
class State:
    """What a checkpoint saves, in addition to the parameters.

    Attributes
    ----------
    place : Place
    history : History
        The history so far; of a complete stage the full history.
    engine : Engine or None
        The engine, which has a state between steps; None if the stage has ended.
    extra : Extra
    """

    place: Place
    history: History
    engine: Engine | None
    extra: Extra = field(default_factory=Extra)


class Keeper:
    """Writes checkpoints of a stage and resumes from them; without a folder it does nothing.

    Of several processes, the first has a folder. `processes` says how many there are.

    Attributes
    ----------
    kept : Kept or None
        The checkpoint to resume from, if there was one.
    """

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder | LadderNetwork,
        stage: str,
        checkpoint: Checkpoint | None,
        identity: Identity,
        processes: str = "1",
    ) -> None:
        self._processes = processes
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
                self.kept = self._take_up(stage, *found)
            except InvalidParameterError:
                raise
            except MALFORMED as error:
                raise malformed(error) from None

    @property
    def first_layer(self) -> int:
        """The layer to continue with; the layers below are trained."""
        return 0 if self.kept is None else self.kept.place.layer or 0

    def start(self, plan: AnyPlan, engine: Engine) -> Place:
        """Return where the training of a layer, or of the network, begins.

        Raises
        ------
        FileFormatError
            If the saved place is not in `plan`, or the saved state is of another engine.
        """
        if self.kept is None or self.kept.place.layer != plan.layer:
            return Place(plan.layer)
        try:
            if not plan.holds(self.kept.place):
                raise ValueError("its place does not occur in this training")
            engine.restore(self.kept.part("optimizer"))
        except MALFORMED as error:
            raise malformed(error) from None
        if engine.name != self.kept.engine and self._checkpoint is not None:
            logger.warning(_OTHERWISE, f"engine was {self.kept.engine}, and is {engine.name}")
        return self.kept.place

    def after_slice(self, n_steps: int, state: Callable[[], State], *, epoch_ended: bool) -> None:
        """Write a checkpoint if one is due, or if training is being interrupted.

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
            self._save(state())
            self._due.restart()
        if interruption is not None:
            raise interruption

    def end(self, history: History) -> None:
        """Save the end of the stage: the same call then returns it without training."""
        if self._checkpoint is not None:
            self._save(State(Place(None), history, None), complete=True)

    def _save(self, state: State, *, complete: bool = False) -> None:
        engine = state.engine
        kinds = {
            "parameters": dict(parameters_of(self._stack)),
            "optimizer": {} if engine is None else engine.state(),
        }
        description = {
            "identity": {name: entry.value for name, entry in self._identity.items()},
            "defaults": {
                name: entry.default
                for name, entry in self._identity.items()
                if entry.default is not None
            },
            "circumstances": self._circumstances(),
            "complete": complete,
            "engine": "" if engine is None else engine.name,
            "place": asdict(state.place),
            "history": asdict(state.history),
            "extra": dict(state.extra.values),
        }
        every = {f"{kind}.{name}": t for kind, part in kinds.items() for name, t in part.items()}
        self._files.save(description, {**every, **state.extra.tensors}, last=complete)

    def _take_up(self, stage: str, description: dict[str, Any], tensors: dict[str, Tensor]) -> Kept:
        """Check a checkpoint and load its parameters into the stack."""
        self._check_identity(description["identity"], description.get("defaults", {}))
        differs = [
            f"{name} was {plain(str(was))}, and is {now}"
            for name, now in self._circumstances().items()
            if (was := description["circumstances"].get(name, _BEFORE.get(name))) != now
        ]
        if differs:
            logger.warning(_OTHERWISE, "; ".join(differs))
        kept = Kept(
            place_of(description["place"]),
            history_from(description["history"]),
            boolean().read(description["complete"]),
            _ENGINE.read(description["engine"]),
            dict(description["extra"]),
            tensors,
        )
        layers = range(self._stack.n_layers) if stage == PRETRAINING else [None]
        if kept.place.layer not in ([None] if kept.complete else layers):
            raise ValueError("its place does not occur in this training")
        give_back(dict(parameters_of(self._stack)), kept.part("parameters"))
        return kept

    def _circumstances(self) -> dict[str, str]:
        return {**circumstances(self._stack), PROCESSES: self._processes}

    def _check_identity(self, before: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        differs = differences(before, defaults, self._identity)
        if len(differs) > _MOST_TOLD:
            differs[_MOST_TOLD:] = ["and more"]
        if differs and self._checkpoint is not None:
            raise InvalidParameterError(
                f"The folder {self._checkpoint.folder} of the checkpoint parameter belongs to "
                f"another training: {'; '.join(differs)}. Choose another folder, or delete that "
                "one."
            )


@contextmanager
def keeping(
    stack: StackedDenoisingAutoencoder | LadderNetwork,
    stage: str,
    checkpoint: Checkpoint | None,
    identity: Callable[[], Identity],
    processes: Processes = ALONE,
    *,
    anywhere: bool = False,
) -> Iterator[Keeper]:
    """Lock the folder of checkpoints while a stage trains.

    Of several processes, the first reads and writes; it passes on what it has read. `anywhere` says
    that the bytes do not depend on the number of processes.

    Raises
    ------
    FileAccessError
        If another process uses it, or it cannot be written.
    FileFormatError
        If what it holds is damaged.
    InvalidParameterError
        If it holds the checkpoints of another training.
    """
    with ExitStack() as held:
        if checkpoint is None or not processes.is_first:
            keeper = Keeper(stack, stage, None, {})
        else:
            held.enter_context(opened(Path(checkpoint.folder)))
            n_processes = "any" if anywhere else str(processes.size)
            keeper = Keeper(stack, stage, checkpoint, identity(), n_processes)
        if processes.size > 1:
            keeper.kept = kept_by_first(keeper.kept, dict(parameters_of(stack)), processes)
        yield keeper
