"""Checkpoints of estimators: a folder holds many trainings, each in a subfolder of its own.

So the folds of a cross-validation and the candidates of a search share the folder of one parameter.
A subfolder is named by a hash of the identity of the training, without settings at their defaults,
so new settings of later versions do not change the name.
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
    """Return the checkpoint folder of the training with these stages.

    It is the folder itself if it holds this training, as in older versions.
    """
    folder = Path(checkpoint.folder)
    try:
        if folder.is_dir() and _holds(folder, stages):
            return checkpoint
    except (FileAccessError, FileFormatError) as error:  # perhaps of another training
        logger.warning("%s This fit uses a subfolder.", error)
    return replace(checkpoint, folder=folder / _name(stages))


def turns() -> Iterator[AbstractContextManager[None]]:
    """Yield turns until one could train, that is, no other process runs the same training.

    The result of the other process is then used. Use it as ``for turn in turns(): with turn: …``.
    """
    waits = False
    while True:
        turn = _Turn()
        yield turn
        if turn.refusal is None:
            return
        if not waits:
            logger.warning("%s This fit is the same, so it waits until then.", turn.refusal)
        waits = True
        sleep(_SECONDS_BETWEEN_LOOKS)


class _Turn(AbstractContextManager[None]):
    """One attempt to train."""

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
    """Return whether checkpoints directly in a folder belong to this training."""
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
        if stage != PRETRAINING and PRETRAINING in stages:  # fine-tuning starts after it
            before.pop(INITIAL, None)
            now.pop(INITIAL)
        return not differences(before, defaults, now)
    except MALFORMED as error:
        raise malformed(error) from None
