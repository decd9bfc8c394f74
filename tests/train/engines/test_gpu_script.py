"""The script of `make gpu-check`, rehearsed on the CPU: on a GPU there may be one try alone."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "gpu.py"
PARTS = ["masks", "graphs are captured", "same bytes", "resume", "single rows", "several rows"]


def test_a_rehearsal_passes_and_reports_each_part(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "--rehearse", "--out", str(out), *PARTS]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    parts = json.loads(out.read_text())["parts"]
    assert [part["name"] for part in parts] == PARTS
    assert all(part["passed"] and part["error"] is None for part in parts)


def test_a_part_without_time_is_reported_and_the_code_says_so(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "--rehearse", "--out", str(out), "--seconds", "6"]
    run = subprocess.run([*command, "masks", "default"], capture_output=True, text=True)
    assert run.returncode == 1
    first, last = json.loads(out.read_text())["parts"]
    assert first["passed"]
    assert not last["passed"]
    assert last["error"] == "left out: no time was left"


def test_a_part_that_does_not_exist_is_no_success() -> None:
    command = [sys.executable, str(SCRIPT), "--rehearse", "msks"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "There is no part 'msks'. There are: masks, " in ended.stderr
