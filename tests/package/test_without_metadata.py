"""The package run from its sources, where nothing is installed under the name ``sdae``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sdae
from tests.app.cli.samples import SMALL, write_flowers

_UNINSTALLED = """
import importlib.metadata as metadata, runpy, sys
found = metadata.Distribution.from_name
def from_name(name):
    if name == "sdae":
        raise metadata.PackageNotFoundError(name)
    return found(name)
metadata.Distribution.from_name = from_name
try:
    metadata.version("sdae")
except metadata.PackageNotFoundError:
    runpy.run_module("sdae", run_name="__main__", alter_sys=True)
"""


def _uninstalled(*arguments: str | Path, cwd: Path) -> str:
    """Run ``python -m sdae``, which must succeed, in a process that finds no metadata of sdae."""
    done = subprocess.run(
        [sys.executable, "-c", _UNINSTALLED, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(sdae.__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_is_trained_to_its_end_reported_and_exported(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")  # not every Python has one
    write_flowers(tmp_path / "flowers.csv")
    train = ("train", "flowers.csv", "--target=species", "--out=run", "--report", "--quiet")
    assert _uninstalled(*train, *SMALL, cwd=tmp_path).endswith("(report: run/report.html)\n")
    assert _uninstalled("verify", "run", cwd=tmp_path).endswith(
        "All files are as they were written.\n"
    )
    said = _uninstalled("info", "run", cwd=tmp_path)
    assert f"Provenance: sdae = {sdae.__version__}\n" in said
    assert f"<td>{sdae.__version__}</td>" in (tmp_path / "run/report.html").read_text()
    assert "written" in _uninstalled("export", "run", "--onnx=m.onnx", cwd=tmp_path)
