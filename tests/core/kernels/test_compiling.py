"""The machine code that processes keep for each other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae.core.kernels import compiling


def _doubled(x: Any) -> Any:
    return x + x


def test_two_processes_that_compile_at_once_keep_code_for_their_own_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_cache_folder", lambda _room: tmp_path)
    singles, doubles = np.ones(3, np.float32), np.ones(3)
    first: Any = compiling.kernel(_doubled)
    second: Any = compiling.kernel(_doubled)
    files, of_second = first._cache._cache_file, second._cache._cache_file
    write_index = files._save_index

    def interrupted(overloads: Any) -> None:
        write_index(overloads)
        monkeypatch.setattr(of_second, "_load_index", dict)  # read before the first wrote
        second(doubles)

    monkeypatch.setattr(files, "_save_index", interrupted)
    first(singles)
    later: Any = compiling.kernel(_doubled)
    for x in (doubles, singles):
        found = later(x)
        assert found.dtype == x.dtype
        assert found.tolist() == [2, 2, 2]
