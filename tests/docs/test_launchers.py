"""The examples that others' launchers start, where Ray and Spark are installed."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.docs.examples import ROOT

LAUNCHERS = {"on_ray": ("ray", "Ray"), "on_spark": ("pyspark", "Spark")}
_SECONDS = 900


def why_not(example: str) -> str | None:
    """Return why an example cannot run here; None if it can."""
    package, _ = LAUNCHERS[example]
    if find_spec(package) is None:
        return f"{package} is not installed: make test-launchers installs it, and runs this test"
    if package == "pyspark" and not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        return "Spark needs Java 17"
    return None


@pytest.mark.slow
@pytest.mark.parametrize("example", LAUNCHERS)
def test_two_processes_of_a_launcher_learn_what_one_process_does(example: str) -> None:
    if reason := why_not(example):
        pytest.skip(reason)
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{example}.py")],
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    start = lines.index("Validation error on digits")
    compared = dict(line.rsplit(": ", 1) for line in lines[start + 1 : start + 4])
    one, several, difference = compared.values()
    assert list(compared) == [
        "one process",
        f"2 processes of {LAUNCHERS[example][1]}",
        "Largest difference of a parameter",
    ]
    assert re.fullmatch(r"0\.\d{3}", one)
    assert several == one
    assert 0 < float(one) < 0.2
    assert float(difference) <= 1e-5
