"""TensorBoard: event files that ``tensorboard --logdir FOLDER`` shows."""

import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdae.core.errors import MissingExtraError
from sdae.core.files import read_bytes, translate_os_errors
from sdae.train.history import FINETUNING, LADDER

_RESULTS = ("validation_error", "test_error")
_RGBA = 4
_PNG_SIZE = slice(16, 24)  # the bytes of width and height


class TensorboardTracker:
    """Writes the event file of one training.

    If the folder holds events of an earlier, interrupted attempt, TensorBoard shows the new ones
    instead.

    Parameters
    ----------
    folder : str or Path
        Folder of the events, created if needed; its name is shown in TensorBoard.

    Raises
    ------
    MissingExtraError
        If tensorboardX is not installed.
    FileAccessError
        If the folder cannot be written.
    """

    name = "TensorBoard"

    def __init__(self, folder: str | Path) -> None:
        check_tensorboard()
        from tensorboardX import SummaryWriter

        with translate_os_errors(Path(folder), "write"):
            self._writer: Any = SummaryWriter(
                str(folder), purge_step=0, filename_suffix=_suffix(Path(folder))
            )

    def settings(self, values: Mapping[str, str]) -> None:
        """Write the settings as TensorBoard hyperparameters, with the errors."""
        from tensorboardX.summary import hparams

        stage = LADDER if values.get("model.kind") == LADDER else FINETUNING
        results = {f"{stage}/{name}": 0.0 for name in _RESULTS}
        for summary in hparams(dict(values), results):
            self._writer.file_writer.add_summary(summary)

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """Write the values of an epoch."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def picture(self, name: str, path: Path) -> None:
        """Write a PNG file unchanged."""
        from tensorboardX.proto.summary_pb2 import Summary

        content = read_bytes(path)
        width, height = struct.unpack(">II", content[_PNG_SIZE])
        image = Summary.Image(
            height=height, width=width, colorspace=_RGBA, encoded_image_string=content
        )
        self._writer.file_writer.add_summary(
            Summary(value=[Summary.Value(tag=f"pictures/{name}", image=image)])
        )

    def close(self, *, finished: bool) -> None:  # noqa: ARG002 - not recorded
        """Write remaining events."""
        self._writer.close()


def _suffix(folder: Path) -> str:
    """Return a unique suffix for the name of an events file.

    tensorboardX names files by the second and empties one of the same name. The number comes first,
    since TensorBoard reads files in the order of their names: a resumed training must come after
    the first attempt.
    """
    number = sum("tfevents" in path.name for path in folder.glob("*"))
    return f".{number:06d}.{os.getpid()}.{secrets.token_hex(4)}"


def check_tensorboard() -> None:
    """Raise an error if tensorboardX is missing.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import tensorboardX  # noqa: F401 - checks that it is installed
    except ImportError:
        raise MissingExtraError(
            'TensorBoard files need tensorboardX. Install it with: pip install "sdae[tensorboard]"'
        ) from None
