"""TensorBoard: event files that ``tensorboard --logdir FOLDER`` shows."""

import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdae.core.errors import MissingExtraError
from sdae.core.files import read_bytes, translate_os_errors

_RESULTS = ("finetuning/validation_error", "finetuning/test_error")
_RGBA = 4
_PNG_SIZE = slice(16, 24)  # of the bytes: width and height


class TensorboardTracker:
    """Writes the event file of one training.

    Where the folder holds events of the same training, cut short, TensorBoard shows these instead.

    Parameters
    ----------
    folder : str or Path
        Made if need be; TensorBoard calls the training by its name.

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
        """Show the settings among TensorBoard's hyperparameters, beside the errors."""
        from tensorboardX.summary import hparams

        for summary in hparams(dict(values), dict.fromkeys(_RESULTS, 0.0)):
            self._writer.file_writer.add_summary(summary)

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """Draw values against the epoch."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def picture(self, name: str, path: Path) -> None:
        """Show a PNG file as it is."""
        from tensorboardX.proto.summary_pb2 import Summary

        content = read_bytes(path)
        width, height = struct.unpack(">II", content[_PNG_SIZE])
        image = Summary.Image(
            height=height, width=width, colorspace=_RGBA, encoded_image_string=content
        )
        self._writer.file_writer.add_summary(
            Summary(value=[Summary.Value(tag=f"pictures/{name}", image=image)])
        )

    def close(self, *, finished: bool) -> None:  # noqa: ARG002 - an event file knows no end
        """Write what is left."""
        self._writer.close()


def _suffix(folder: Path) -> str:
    """Return an end of the name of an events file that no other has.

    tensorboardX names files by the second and empties one of the same name. The number comes first,
    since TensorBoard reads files in the order of their names: a training that goes on after another
    comes behind it.
    """
    number = sum("tfevents" in path.name for path in folder.glob("*"))
    return f".{number:06d}.{os.getpid()}.{secrets.token_hex(4)}"


def check_tensorboard() -> None:
    """Refuse to go on without tensorboardX.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import tensorboardX  # noqa: F401 - is it there?
    except ImportError:
        raise MissingExtraError(
            'TensorBoard files need tensorboardX. Install it with: pip install "sdae[tensorboard]"'
        ) from None
