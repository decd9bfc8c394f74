"""What optimisers remember from one call of a stage to the next, for training in a stream."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from sdae.train.engines.choice import Engine
from sdae.train.epoch import Plan


@dataclass(frozen=True)
class _Part:
    """The state of an optimiser, and what it was the state of.

    A state also fits the same optimiser with other rates, penalties or batch sizes.
    """

    layer: int | None
    optimizer: str
    state: Mapping[str, Tensor]


class OptimizerMemory:
    """The states of optimisers, such as Adam's averages, at the end of the last call.

    It holds one state per stage: pre-training in a stream trains the layers one after the other.
    """

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}

    def copy(self) -> "OptimizerMemory":
        """Return another memory of the same states."""
        other = OptimizerMemory()
        other._parts.update(self._parts)
        return other

    def on_cpu(self) -> "OptimizerMemory":
        """Return a copy with all states on the CPU."""
        other = OptimizerMemory()
        for stage, part in self._parts.items():
            state = {name: value.cpu() for name, value in part.state.items()}
            other._parts[stage] = _Part(part.layer, part.optimizer, state)
        return other

    def keep(self, stage: str, plan: Plan, engine: Engine) -> None:
        """Remember the state of an engine that has trained a layer, or the network."""
        self._parts[stage] = _Part(plan.layer, str(plan.config.optimizer), engine.state())

    def give(self, stage: str, plan: Plan, engine: Engine) -> None:
        """Restore the state of the last call, if it was of the same layer and optimiser.

        Where the parameters have changed their shape or type since, the optimiser starts anew.
        """
        part = self._parts.get(stage)
        if part is None or (part.layer, part.optimizer) != (plan.layer, str(plan.config.optimizer)):
            return
        try:
            engine.restore(part.state)
        except (LookupError, ValueError):
            del self._parts[stage]

    def forget(self, stage: str) -> None:
        """Forget the state of a stage that has ended."""
        self._parts.pop(stage, None)
