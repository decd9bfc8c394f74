"""What the emulation compiled is removed at the end."""

import shutil
from collections.abc import Iterator

import pytest

from tests.train.kernels.cuda.emulated import compiled_folder


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    if compiled_folder.cache_info().currsize:
        shutil.rmtree(compiled_folder(), ignore_errors=True)
