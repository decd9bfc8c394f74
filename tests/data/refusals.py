"""Files that must be refused: in words that can be shown, and soon."""

import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sdae.core.errors import DataError
from sdae.data import load_dataset

MIB = 1 << 20


@contextmanager
def soon(seconds: float) -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


@contextmanager
def no_longer_than(path: Path, sound: bytes, target: str | None, factor: float) -> Iterator[None]:
    """Allow `factor` times the time that reading a sound file takes here and now."""
    path.write_bytes(sound)
    start = time.process_time()
    load_dataset(path, target)
    allowed = factor * (time.process_time() - start)
    with soon(allowed):
        yield


def refused(path: Path, content: bytes, match: str, target: str | None = None) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError, match=match) as caught:
        load_dataset(path, target)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000 + len(str(path))
    return message


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()
