"""Checkpoints on disk: each is a file of tensors and a manifest, without which it is ignored.

A stage of training writes ``STAGE-NUMBER.safetensors`` and then ``STAGE-NUMBER.json``, which holds
the SHA-256 of the former. Training resumes from the newest complete checkpoint.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from sdae.core.constraints import integer
from sdae.core.errors import FileFormatError, InvalidParameterError, invalid_parameter
from sdae.core.files import (
    checked_size,
    hash_of,
    read_bytes,
    regular_file,
    remove_halves,
    translate_os_errors,
    write_atomically,
)
from sdae.core.tensor_file import read_tensors, write_tensors
from sdae.train.checkpoints.frequency import Frequency
from sdae.train.checkpoints.lock import NAME as LOCK
from sdae.train.checkpoints.lock import locked

FORMAT = 1
_MOST_MANIFEST_BYTES = 1 << 20
_NUMBER = r"\d{6,12}"
_HALF = re.compile(rf"[\w-]+-{_NUMBER}\.")  # the beginning of the name of a checkpoint's file

Description = Mapping[str, Any]
Tensors = Mapping[str, Tensor]

logger = logging.getLogger("sdae")


def _nobody() -> BaseException | None:
    return None


@dataclass(frozen=True)
class Checkpoint:
    """Where training saves its state, so that the same call continues after an interruption.

    Parameters
    ----------
    folder : str or Path
        Folder for one training, created if needed.
    every : str, default "60s"
        How often a checkpoint is written: ``1epoch``, ``500steps``, ``60s``. It is written at the
        end of the current slice of samples.
    keep : int, default 3
        How many checkpoints of a running stage are kept; of a finished one, only the last.
    interruption : callable, default: never
        Called after each slice: an exception that it returns is raised after a checkpoint.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from sdae import Checkpoint, StackedDenoisingAutoencoder, pretrain
    >>> x = np.random.default_rng(0).random((64, 8), dtype=np.float32)
    >>> checkpoint = Checkpoint(mkdtemp(), every="1epoch")
    >>> history = pretrain(StackedDenoisingAutoencoder(8), x, epochs=2, checkpoint=checkpoint)
    >>> again = pretrain(StackedDenoisingAutoencoder(8), x, epochs=2, checkpoint=checkpoint)
    >>> again == history  # at once: that training has ended
    True
    """

    folder: str | Path
    every: str = "60s"
    keep: int = 3
    interruption: Callable[[], BaseException | None] = field(default=_nobody, repr=False)

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not isinstance(self.folder, str | Path) or not str(self.folder):
            raise invalid_parameter("folder", "Checkpoint", "a path", self.folder)
        Frequency.read(self.every, "Checkpoint")
        try:
            integer(1).read(self.keep)
        except (TypeError, ValueError):
            wanted = "an integer ≥ 1"
            raise invalid_parameter("keep", "Checkpoint", wanted, self.keep) from None

    @property
    def frequency(self) -> Frequency:
        """How often a checkpoint is written."""
        return Frequency.read(self.every, "Checkpoint")


def checkpoint_of(value: Checkpoint | str | Path | None, caller: str) -> Checkpoint | None:
    """Return the checkpoint that a caller gave; a folder is used with the defaults."""
    if value is None or isinstance(value, Checkpoint):
        return value
    try:
        return Checkpoint(value)
    except InvalidParameterError:
        wanted = "a folder, a Checkpoint or None"
        raise invalid_parameter("checkpoint", caller, wanted, value) from None


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Create and lock a folder of checkpoints, and remove partial files in it."""
    with translate_os_errors(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        with translate_os_errors(folder, "write"):
            remove_halves(folder, lambda name: _HALF.match(name) is not None)
        yield


class StageCheckpoints:
    """The checkpoints of one stage of training in a folder.

    Parameters
    ----------
    folder : Path
    stage : str
        Letters, digits and hyphens: the start of the names of its files.
    keep : int
        Number of checkpoints to keep.
    """

    def __init__(self, folder: Path, stage: str, keep: int) -> None:
        self._folder = folder
        self._stage = stage
        self._keep = keep

    def save(self, description: Description, tensors: Tensors, *, last: bool = False) -> None:
        """Write a checkpoint, and delete those older than the ones to keep.

        Raises
        ------
        FileAccessError
            If it cannot be written; the earlier ones are then intact.
        """
        numbers = self.numbers()
        number = numbers[-1] + 1 if numbers else 1
        path = self._path(number)
        write_tensors(path, tensors, {**description, "format": FORMAT})
        entry = {path.name: {"sha256": hash_of(path), "bytes": checked_size(path)}}
        manifest = json.dumps({"format": FORMAT, "files": entry}, indent=1)
        write_atomically(path.with_suffix(".json"), manifest.encode())
        kept = [*numbers, number][-1 if last else -self._keep :]
        self._drop_all_but(kept)

    def newest(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Return the newest complete checkpoint; None if there are no checkpoints.

        Raises
        ------
        FileFormatError
            If all checkpoints are damaged.
        """
        numbers = self.numbers()
        for number in reversed(numbers):
            try:
                return self.read(number)
            except FileFormatError as error:
                logger.warning("%s The next older checkpoint is used, if there is one.", error)
        if not numbers:
            return None
        raise FileFormatError(
            f"All checkpoints of {self._stage} in {self._folder} are damaged. Delete that folder "
            "to train from the beginning."
        )

    def read(self, number: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Read a checkpoint, checked against its manifest.

        Raises
        ------
        FileFormatError
            If it is damaged.
        """
        path = self._path(number)
        entry = _manifest(path.with_suffix(".json")).get(path.name)
        if not isinstance(entry, dict) or not regular_file(path):
            raise FileFormatError(f"{path} is damaged: its file or its manifest is incomplete.")
        if entry.get("bytes") != checked_size(path) or entry.get("sha256") != hash_of(path):
            raise FileFormatError(f"{path} is damaged: it does not match its manifest.")
        return read_tensors(path, "checkpoint", FORMAT)

    def numbers(self) -> list[int]:
        """Return the numbers of the checkpoints that have a manifest, in order."""
        return _numbers(self._folder, re.escape(self._stage))

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._stage}-{number:06d}.safetensors"

    def _drop_all_but(self, kept: list[int]) -> None:
        """Delete other checkpoints, manifests first: a file without a manifest is ignored."""
        names = {self._path(number).stem for number in kept}
        ours = re.compile(rf"{re.escape(self._stage)}-{_NUMBER}")
        with suppress(OSError):  # they only take space
            for path in self._folder.glob(f"{self._stage}-*.safetensors"):
                if ours.fullmatch(path.stem) and path.stem not in names:
                    path.with_suffix(".json").unlink(missing_ok=True)
                    path.unlink()


def stages_of(folder: Path) -> list[str]:
    """Return the names of the stages that have checkpoints in a folder."""
    with translate_os_errors(folder, "read"):
        names = {path.stem.rpartition("-")[0] for path in folder.glob("*-*.json")}
    return sorted(name for name in names if _numbers(folder, re.escape(name)))


def remove_checkpoints(folder: Path, stages: Sequence[str], *others: str) -> None:
    """Remove the checkpoints of stages, other files by their names, and the folder if it is empty.

    Other files in it stay.
    """
    ours = re.compile(rf"(?:{'|'.join(map(re.escape, stages))})-{_NUMBER}\.(?:safetensors|json)")
    remove_halves(folder, lambda name: name in others or _HALF.match(name) is not None)
    # Manifests first: a file without a manifest is ignored.
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix != ".json", path.name)):
        if ours.fullmatch(path.name) or path.name in (*others, LOCK):
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _numbers(folder: Path, stage: str) -> list[int]:
    with translate_os_errors(folder, "read"):
        stems = [path.stem for path in folder.glob("*.json")]
    names = (re.fullmatch(rf"{stage}-({_NUMBER})", stem) for stem in stems)
    return sorted(int(name[1]) for name in names if name)


def _manifest(path: Path) -> dict[str, Any]:
    """Read the files that a manifest names; nothing if it is damaged."""
    if not regular_file(path):
        return {}
    try:
        manifest = json.loads(read_bytes(path, limit=_MOST_MANIFEST_BYTES))
        files = manifest["files"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return files if isinstance(files, dict) and manifest.get("format") == FORMAT else {}
