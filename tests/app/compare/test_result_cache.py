"""Results are kept line by line; what is damaged is left out in words, and costs are measured."""

import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from sdae.app.compare.meter import Cost, anonymous_memory, measured
from sdae.app.compare.result_cache import Cell, CellCache

CELL = Cell("svm", 50, 1, 0.25, "C=1", 90, 30, 0.0, 1.5, 0.5, 0.0, 1.25, 0.25, 2**20)


def test_cells_are_kept_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    cache = CellCache(path)
    assert cache.get("a") is None
    cache.put("a", CELL)
    cache.put("b", Cell(**{**CELL.__dict__, "memory": None}))
    again = CellCache(path)
    assert again.get("a") == CELL
    assert again.get("b") == Cell(**{**CELL.__dict__, "memory": None})
    assert len(path.read_text().splitlines()) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["cells.jsonl"]


def test_a_regression_that_is_worse_than_the_mean_is_found_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cell = replace(CELL, error=1.5, of_values=True)  # a share of the variance
    CellCache(tmp_path / "cells.jsonl").put("a", cell)
    assert CellCache(tmp_path / "cells.jsonl").get("a") == cell
    assert caplog.messages == []


def test_a_result_of_an_older_version_is_found_again(tmp_path: Path) -> None:
    values = {name: value for name, value in CELL.__dict__.items() if name != "of_values"}
    (tmp_path / "cells.jsonl").write_text(json.dumps({"key": "a", **values}) + "\n")
    assert CellCache(tmp_path / "cells.jsonl").get("a") == CELL


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[1]",
        '{"key": "c"}',
        json.dumps({"key": "c", **CELL.__dict__, "error": -0.5}),
        json.dumps({"key": "c", **CELL.__dict__, "labels": "50"}),
        json.dumps({**CELL.__dict__}),
        "[" * 100_000,
    ],
)
def test_a_damaged_line_is_warned_of_and_left_out(
    line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cells.jsonl"
    CellCache(path).put("a", CELL)
    path.write_text(f"{path.read_text()}{line}\n")
    with caplog.at_level(logging.WARNING, "sdae"):
        cache = CellCache(path)
    assert cache.get("a") == CELL
    assert cache.get("c") is None
    assert caplog.messages == [f"{path}, line 2, is not a result of a study; it is skipped."]


def test_time_and_memory_are_measured() -> None:
    with measured() as cost:
        array = np.ones(8 << 20)  # 64 MiB, held while the clock runs
        time.sleep(0.06)
    assert 0.06 <= cost.seconds < 30
    assert cost.cpu_seconds > 0
    assert array.nbytes == 64 << 20
    if anonymous_memory() is not None:
        assert cost.memory is not None
        assert 60 << 20 < cost.memory < 100 << 20
    with measured() as small:
        time.sleep(0.03)
    assert small.memory is None or small.memory < 10 << 20


def test_the_system_may_not_say_how_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied() -> psutil.Process:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "Process", denied)
    with measured() as cost:
        pass
    assert cost.memory is None


class OtherSystem:
    """A process as psutil shows it where no memory is counted as shared."""

    def memory_info(self) -> SimpleNamespace:
        return SimpleNamespace(rss=900, vms=1000)

    def memory_full_info(self) -> SimpleNamespace:
        return SimpleNamespace(rss=900, vms=1000, uss=700)


def test_other_systems_count_what_no_other_process_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "Process", OtherSystem)
    monkeypatch.delattr(psutil, "heap_trim", raising=False)
    assert anonymous_memory() == 700
    with measured() as cost:
        pass
    assert cost.memory == 0


class Linux:
    """A process as psutil shows it on Linux."""

    def memory_info(self) -> SimpleNamespace:
        return SimpleNamespace(rss=900, vms=1000, shared=300)


def test_memory_that_belongs_to_files_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "Process", Linux)
    assert anonymous_memory() == 600


def test_memory_of_two_costs_is_the_larger_that_is_known() -> None:
    assert Cost(1, 2, None).plus(Cost(3, 4, None)) == Cost(4, 6, None)
    assert Cost(1, 2, None).plus(Cost(3, 4, 5)) == Cost(4, 6, 5)
    assert Cost(1, 2, 7).plus(Cost(3, 4, 5)) == Cost(4, 6, 7)
