"""Checkpoints of estimators: a folder holds many trainings, each in a subfolder of its own.

So the folds of a cross-validation and the candidates of a search share the folder of one parameter.
A subfolder is named by a hash of what the training is known by, settings at their defaults left
out: a setting that a later version brings changes no name.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from time import sleep

from sdae.core.errors import FileAccessError, FileFormatError
from sdae.train.checkpoint_state import MALFORMED, malformed
from sdae.train.checkpoints.checkpoint_folder import Checkpoint, StageCheckpoints, stages_of
from sdae.train.checkpoints.lock import InUseError
from sdae.train.history import PRETRAINING
from sdae.train.identity import INITIAL, Identity, differences

_SECONDS_BETWEEN_LOOKS = 0.2

logger = logging.getLogger("sdae")


def own_checkpoint(checkpoint: Checkpoint, stages: Mapping[str, Identity]) -> Checkpoint:
    """Return where the training of these stages, by their names, has its checkpoints.

    That is the folder itself if it holds this training, as older versions had it.
    """
    folder = Path(checkpoint.folder)
    try:
        if folder.is_dir() and _holds(folder, stages):
            return checkpoint
    except (FileAccessError, FileFormatError) as error:  # of somebody else, perhaps
        logger.warning("%s This fit takes a subfolder.", error)
    return replace(checkpoint, folder=folder / _name(stages))


def turns() -> Iterator[AbstractContextManager[None]]:
    """Give turns until training in one was not refused because somebody else does the same.

    Then what the other learned is taken over. To be used as ``for turn in turns(): with turn: …``.
    """
    waits = False
    while True:
        turn = _Turn()
        yield turn
        if turn.refusal is None:
            return
        if not waits:
            logger.warning("%s Until then this fit, which is the same, waits.", turn.refusal)
        waits = True
        sleep(_SECONDS_BETWEEN_LOOKS)


class _Turn(AbstractContextManager[None]):
    """One try to train."""

    refusal: InUseError | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> bool:
        self.refusal = error if isinstance(error, InUseError) else None
        return self.refusal is not None


def _name(stages: Mapping[str, Identity]) -> str:
    telling = {
        f"{stage}: {name}": entry.value
        for stage, identity in stages.items()
        for name, entry in identity.items()
        if entry.value != entry.default
    }
    text = json.dumps(telling, sort_keys=True)
    return f"fit-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _holds(folder: Path, stages: Mapping[str, Identity]) -> bool:
    """Return whether checkpoints that lie in a folder itself are of this training."""
    found = set(stages_of(folder)) & set(stages)
    return bool(found) and all(_is_of(folder, stage, stages) for stage in found)


def _is_of(folder: Path, stage: str, stages: Mapping[str, Identity]) -> bool:
    kept = StageCheckpoints(folder, stage, keep=1).newest()
    if kept is None:
        return False
    description = kept[0]
    try:
        before, defaults = dict(description["identity"]), dict(description.get("defaults", {}))
        now = dict(stages[stage])
        if stage != PRETRAINING and PRETRAINING in stages:  # which it begins after
            before.pop(INITIAL, None)
            now.pop(INITIAL)
        return not differences(before, defaults, now)
    except MALFORMED as error:
        raise malformed(error) from None
