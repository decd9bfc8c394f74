"""The versions that the project asks for: those it pins, and those a Python has."""

import os
import re
import subprocess
import tomllib
import venv
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
EXTRAS = {"report", "tables", "export", "dev"}


def _needed() -> set[str]:
    """Return the names of all packages that sdae needs with its extras, and those they need."""
    todo, seen = [("sdae", frozenset(EXTRAS))], set[str]()
    while todo:
        name, extras = todo.pop()
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is not None and not any(
                marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                continue
            needed = canonicalize_name(requirement.name)
            if needed not in seen:
                seen.add(needed)
                todo.append((needed, frozenset(requirement.extras)))
    return seen - {"sdae"}


@pytest.mark.skipif(find_spec("ruff") is None, reason="not the environment that is pinned")
def test_every_package_is_pinned() -> None:
    lines = CONSTRAINTS.read_text().splitlines()
    found = (re.match(r"([\w.-]+)==\S+$", line) for line in lines)
    pinned = {canonicalize_name(match[1]) for match in found if match}
    assert "torch" in pinned
    assert sorted(_needed() - pinned) == []


def _asked(python: str) -> dict[str, Requirement]:
    """Return what is asked for by that version of Python, with the extra of exports, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["export"]]
    surroundings = {"python_version": python, "python_full_version": f"{python}.0"}
    asked: dict[str, Requirement] = {}
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate(surroundings):
            assert requirement.name not in asked  # one bound, not two
            asked[requirement.name] = requirement
    return asked


@pytest.mark.parametrize(
    ("python", "numba", "older"),
    [
        ("3.11", "0.68.1", None),
        ("3.12", "0.68.1", None),
        ("3.13", "0.68.1", None),
        ("3.14", "0.63.0", "0.62.1"),
        ("3.15", "0.68.0", "0.67.0"),
    ],
)
def test_every_python_that_has_numba_gets_it(python: str, numba: str, older: str | None) -> None:
    asked = _asked(python)["numba"].specifier
    assert numba in asked
    assert older is None or older not in asked


def test_a_python_without_numba_or_onnxruntime_can_install_the_rest() -> None:
    assert "numba" not in _asked("3.16")
    assert {"torch", "onnx"} <= set(_asked("3.16"))
    assert "onnxruntime" in _asked("3.14")
    assert "onnxruntime" not in _asked("3.15")


@pytest.mark.slow
def test_the_pins_suit_the_build_of_pytorch_that_plain_pip_installs(tmp_path: Path) -> None:
    """Its libraries are pinned too, such as NVRTC; this machine's settings of pip are left out."""
    own = {"PIP_CONFIG_FILE", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"}
    plain = {name: value for name, value in os.environ.items() if name not in own}
    plain["PIP_CONFIG_FILE"] = os.devnull
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / ("Scripts" if os.name == "nt" else "bin") / "python")
    command = [python, "-m", "pip", "install", "--dry-run", "-q", "-c", str(CONSTRAINTS)]
    run = subprocess.run(
        [*command, f"{ROOT}[cuda]"], env=plain, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
