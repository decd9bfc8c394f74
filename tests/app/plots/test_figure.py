"""Figures and their PNG files: the same bytes twice, and a remedy where matplotlib is missing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sdae.app.plots.curves import curves_figure
from sdae.app.plots.figure import new_figure, write_png
from sdae.app.plots.filters import filters_figure
from sdae.app.plots.reconstructions import reconstructions_figure
from sdae.core.errors import FileAccessError, InvalidParameterError, MissingExtraError
from sdae.train.history import EpochRecord

RECORD = EpochRecord("pretraining", 0, 1, 0.5, None, None, 0.1, 1.0, 10.0, "autograd")
ROWS = np.arange(6, dtype=np.float32).reshape(1, 6)


def test_a_figure_has_the_size_asked_for() -> None:
    assert tuple(new_figure(3, 2).get_size_inches()) == (3, 2)


def test_the_same_picture_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_png(filters_figure(ROWS, (2, 3), "title"), tmp_path / f"{name}.png")
    write_png(filters_figure(ROWS, (2, 3), "other"), tmp_path / "c.png")
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a.startswith(b"\x89PNG\r\n\x1a\n")
    assert a == b
    assert a != c
    assert b"Matplotlib" not in a


def test_a_picture_replaces_the_one_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "A.PNG"
    path.write_bytes(b"old")
    write_png(new_figure(1, 1), str(path))
    assert path.read_bytes() != b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.gz", "png"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidParameterError, match=rf"must be a \.png file\. Got .*{name} instead"
    ):
        write_png(new_figure(1, 1), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"Cannot write .*: .*nowhere does not exist"):
        write_png(new_figure(1, 1), tmp_path / "nowhere/a.png")


def test_without_matplotlib_every_picture_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    remedy = r'Plots need matplotlib. Install it with: pip install "sdae\[report\]"'
    with pytest.raises(MissingExtraError, match=remedy):
        new_figure(1, 1)
    with pytest.raises(MissingExtraError, match=remedy):
        curves_figure([RECORD])
    with pytest.raises(MissingExtraError, match=remedy):
        filters_figure(ROWS, (2, 3), "title")
    with pytest.raises(MissingExtraError, match=remedy):
        reconstructions_figure({"input": ROWS}, None)


def test_the_room_is_imported_without_matplotlib_and_draws_without_pyplot() -> None:
    code = (
        "import sys\n"
        "from sdae.app.plots import curves, figure, filters, reconstructions\n"
        "print('matplotlib' in sys.modules)\n"
        "figure.new_figure(1, 1)\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split() == ["False", "False"]
