"""The scripts in tools/: their bounds and counts, and their refusals."""

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
house = runpy.run_path(str(TOOLS / "house.py"))


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


def checkout(folder: Path, files: dict[str, str], layers: str) -> Path:
    for name, text in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / ".importlinter").write_text(layers)
    return folder


def test_boxes_rooms_arrows_and_floors_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "village/__init__.py": "",
        "village/__main__.py": "import village.top.shop",
        "village/_names.py": "import village.door",
        "village/door.py": "import village.other",
        "village/other.py": "import village.top.shop",
        "village/top/__init__.py": "",
        "village/top/shop.py": "import village.top.till, village.bottom.well\nimport village.alone",
        "village/top/till.py": "import village.top.shop\nfrom village.bottom.deep import pump",
        "village/bottom/__init__.py": "",
        "village/bottom/well.py": "import village.top.till",
        "village/bottom/deep/__init__.py": "",
        "village/bottom/deep/pump.py": "x = 0\n" * 301,
        "village/bottom/deep/well.py": "",
        "village/alone.py": "import village.bottom.deep.pump",
    }
    layers = (
        "[importlinter]\nroot_package = village\n[importlinter:contract:a]\ntype = layers\n"
        "layers =\n    village.top\n    village.alone\n    village.bottom\n"
        "ignore_imports =\n    village.bottom.well -> village.top.till\n"
        "[importlinter:contract:b]\ntype = forbidden\nsource_modules =\n    village\n"
    )
    folder = checkout(tmp_path, files, layers)
    monkeypatch.syspath_prepend(folder / "src")
    assert dict(house["table"](folder, "village")) == {
        "layers in .importlinter": "3",
        "boxes": "3",  # top, alone, bottom
        "arrows between boxes": "4",
        "floors of boxes": "3",
        "circles of boxes": "0",
        "rooms": "7",  # top, shop, till, alone, bottom, well, deep
        "arrows between rooms": "7",
        "floors of rooms": "3",
        "circles of rooms": "1: village.top.shop + village.top.till",  # shop and till
        "files": "9",
        "arrows between files": "7",
        "floors of files": "3",
        "circles of files": "1: village.top.shop + village.top.till",
        "imports upwards, passed over": "1",
        "doors for users": "2: door, other",
        "files over 300 lines": "1: pump.py",
        "file names used twice": "1: well.py",
    }


def test_the_files_of_a_fit_are_those_in_progress_when_a_walk_begins(tmp_path: Path) -> None:
    files = {
        "estimators/first.py": "from second import go\ndef fit(): go()\n",
        "estimators/second.py": (
            "import aside\n"
            "def go():\n    aside.look()\n"
            "    import finetuning, pretraining\n    pretraining.walk(); finetuning.walk()\n"
        ),
        "estimators/aside.py": "def look(): import finetuning, pretraining\n",
        "pretraining.py": "def walk(): pass\n",
        "finetuning.py": "def walk(): pass\n",
    }
    source = checkout(tmp_path, files, "") / "src"
    code = (
        "import runpy, sys; from pathlib import Path\n"
        f"sys.path[:0] = [{str(source)!r}, {str(source / 'estimators')!r}]\n"
        f"house = runpy.run_path({str(TOOLS / 'house.py')!r})\n"
        "from first import fit\n"
        f"print(house['files_of_a_fit'](Path({str(source / 'estimators')!r}), fit))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "['first.py', 'second.py']\n"


def test_the_house_of_this_checkout_is_printed() -> None:
    script = str(TOOLS / "house.py")
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    lines = dict(line.split("  ", 1) for line in run.stdout.splitlines())
    numbers = {what: number.strip() for what, number in lines.items()}
    assert numbers["boxes"] == "5"
    assert numbers["circles of boxes"] == "0"
    assert numbers["files of a fit"].split(": ")[1].startswith("classifier.py")
    refused = subprocess.run([sys.executable, script, "/nowhere"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert refused.stderr == (
        "house: FOLDER must be a checkout of sdae. Got ['/nowhere'] instead.\n"
    )
