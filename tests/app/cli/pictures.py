"""Whether commands draw pictures: to draw takes far longer than to train so little."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.figure
import pytest

_NAME = matplotlib.figure.__name__
_MODULE = sys.modules[_NAME]
_PATH = os.environ.get("PYTHONPATH")


@contextmanager
def no_pictures_drawn(folder: Path | None = None) -> Iterator[None]:
    """Hide matplotlib, as where the extra is not installed.

    What hides it from the processes that this one starts is written into `folder`, if given.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, _NAME, None)
        if folder is not None:
            (folder / "matplotlib.py").write_text("raise ImportError\n")
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield


@contextmanager
def pictures_drawn() -> Iterator[None]:
    """Let commands draw pictures, also where they are not drawn otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, _NAME, _MODULE)
        patch.delenv("PYTHONPATH", raising=False)
        if _PATH is not None:
            patch.setenv("PYTHONPATH", _PATH)
        yield
