"""Trained runs that several tests look at, and an environment without pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.app.cli.commands import done
from tests.app.cli.pictures import no_pictures_drawn, pictures_drawn
from tests.app.cli.samples import LAST, SMALL, write_flowers, write_idx_folder, write_rows


@pytest.fixture(scope="module", autouse=True)
def no_pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Draw no pictures; the runs of a session have some."""
    with no_pictures_drawn(tmp_path_factory.mktemp("no-pictures")):
        yield


@pytest.fixture
def pictures() -> Iterator[None]:
    """Draw pictures after all."""
    with pictures_drawn():
        yield


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
    with pictures_drawn():
        done("train", data, "--target", "species", "--out", folder / "run", *SMALL)
    return folder / "run"


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a folder of IDX files, to be read only; the data lie beside it in ``images``."""
    folder = tmp_path_factory.mktemp("images")
    data = write_idx_folder(folder / "images", packed=True)
    with pictures_drawn():
        done("train", data, "--out", folder / "run", *SMALL, *LAST)
    return folder / "run"


@pytest.fixture(scope="session")
def unlabelled_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is pre-trained only, to be read only."""
    folder = tmp_path_factory.mktemp("unlabelled")
    data = write_rows(folder / "rows.csv")
    with pictures_drawn():
        done("train", data, "--out", folder / "run", *SMALL)
    return folder / "run"
