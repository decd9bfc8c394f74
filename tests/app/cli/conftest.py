"""Trained runs that several tests look at, and an environment without pictures."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.app.cli.commands import done
from tests.app.cli.samples import LAST, SMALL, write_flowers, write_idx_folder, write_rows


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide matplotlib, as where the extra is not installed: training is faster without pictures."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)


@pytest.fixture
def one_thread_again() -> Iterator[None]:
    """Take back what ``--threads`` does to this process."""
    yield
    torch.set_num_threads(1)


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A table of 90 flowers, in a folder of its own."""
    return write_flowers(tmp_path / "flowers.csv")


@pytest.fixture(scope="session")
def flower_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the flowers, to be read only."""
    folder = tmp_path_factory.mktemp("flowers")
    data = write_flowers(folder / "flowers.csv")
    done("train", data, "--target", "species", "--out", folder / "run", *SMALL)
    return folder / "run"


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a folder of IDX files, to be read only; the data lie beside it in ``images``."""
    folder = tmp_path_factory.mktemp("images")
    data = write_idx_folder(folder / "images", packed=True)
    done("train", data, "--out", folder / "run", *SMALL, *LAST)
    return folder / "run"


@pytest.fixture(scope="session")
def unlabelled_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is pre-trained only, to be read only."""
    folder = tmp_path_factory.mktemp("unlabelled")
    data = write_rows(folder / "rows.csv")
    done("train", data, "--out", folder / "run", *SMALL)
    return folder / "run"
