"""The checkpoint that the first process has read, for all processes: no other needs its files."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from sdae.train.checkpoint_state import Kept, give_back, history_from, place_of
from sdae.train.processes.together import Processes


def kept_by_first(
    kept: Kept | None, parameters: Mapping[str, Tensor], processes: Processes
) -> Kept | None:
    """Return the checkpoint of the first process; the others' parameters become those in it."""
    words: dict[str, Any] | None = None
    if kept is not None:
        words = {
            "place": asdict(kept.place),
            "history": asdict(kept.history),
            "complete": kept.complete,
            "engine": kept.engine,
            "extra": dict(kept.extra),
        }
    words = processes.said_by_first(words)
    if words is None:
        return None
    tensors = processes.tensors_of_first({} if kept is None else kept.tensors)
    if kept is not None and processes.is_first:
        return kept
    received = Kept(
        place_of(words["place"]),
        history_from(words["history"]),
        words["complete"],
        words["engine"],
        words["extra"],
        tensors,
    )
    give_back(parameters, received.part("parameters"))
    return received
