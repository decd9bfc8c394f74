"""The scripts of `make test-oldest` and `make test-pythons`: their bounds, and their refusals."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
oldest: Callable[[str], list[str]] = runpy.run_path(str(TOOLS / "oldest.py"))["oldest"]


def project(*dependencies: str, **extras: list[str]) -> str:
    lines = ["[project]", f"dependencies = {list(dependencies)}", "[project.optional-dependencies]"]
    return "\n".join(lines + [f"{name} = {needed}" for name, needed in extras.items()])


def test_the_oldest_versions_are_the_lower_bounds_that_hold_here() -> None:
    now = "{}.{}".format(*sys.version_info)
    text = project(
        "numpy>=2.0,<9",
        f"numba>=0.61; python_version != '{now}'",
        f"numba>=0.68; python_version == '{now}'",
        export=["onnx>=1.21"],
        test=["pytest>=8.2", "pandas>=2.2"],
        dev=["sdae[test]", "ruff>=0.11"],
    )
    assert oldest(text) == ["numpy==2.0", "numba==0.68", "onnx==1.21", "pandas==2.2"]


@pytest.mark.parametrize("dependency", ["torch", "torch<3", "torch>=2; python_version > '3'"])
def test_a_dependency_without_one_lower_bound_is_refused(dependency: str) -> None:
    with pytest.raises(ValueError, match="torch must have one lower bound"):
        oldest(project(dependency, more=["torch>=1"]))


def test_every_dependency_of_the_project_has_a_lower_bound() -> None:
    lines = oldest((TOOLS.parent / "pyproject.toml").read_text())
    assert {"torch", "numba", "typer", "onnxruntime", "pandas", "polars"} <= {
        line.split("==")[0] for line in lines
    }


@pytest.mark.skipif(sys.platform != "linux", reason="the script says so elsewhere")
def test_without_debootstrap_the_script_says_what_to_install(tmp_path: Path) -> None:
    for tool in ("bash", "uname"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    run = subprocess.run(
        ["bash", str(TOOLS / "test_pythons.sh")],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr == (
        "test-pythons: There is no debootstrap here. Install it: "
        "apt-get install debootstrap util-linux git\n"
    )
