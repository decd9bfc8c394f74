"""The built wheel, installed in an environment of its own, trains and predicts."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ["--set", "pretraining.epochs=0", "--set", "finetuning.epochs=1"]
SMALL = ["--set", "model.hidden_layer_sizes=[8]", "--set", "finetuning.batch_size=1000"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT))
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"sdae"}
    for needed in (
        "sdae/py.typed",
        "sdae/app/recipes/arrays.toml",
        "sdae/app/recipes/default.toml",
        "sdae/app/recipes/tutorial.toml",
        "sdae/data/mnist/README.md",
        "sdae/app/report/templates/page.html.j2",
        "sdae/app/report/static/style.css",
        "sdae/app/report/static/playground.js",
        "sdae/train/kernels/cuda/network.cu",
        "sdae/data/mnist/train-images-idx3-ubyte.gz",
        "sdae/data/mnist/t10k-labels-idx1-ubyte.gz",
    ):
        assert needed in names
    kinds = {Path(name).suffix for name in names if name.startswith("sdae/")}
    assert kinds == {".py", ".toml", ".md", ".gz", ".typed", ".j2", ".css", ".js", ".cu"}


@pytest.mark.slow
def test_an_environment_with_the_wheel_trains_on_the_embedded_mnist(
    wheel: Path, tmp_path: Path
) -> None:
    """The dependencies are borrowed from this environment, the package is the wheel's."""
    python = _new_environment(tmp_path / "env")
    _run(python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel))
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _train_and_predict(python, tmp_path)


@pytest.mark.slow
def test_a_fresh_environment_installs_the_wheel_with_its_dependencies_and_trains(
    wheel: Path, tmp_path: Path
) -> None:
    python = _new_environment(tmp_path / "env")
    constraints = str(ROOT / "constraints.txt")
    _run(python, "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel))
    _train_and_predict(python, tmp_path)


def _new_environment(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    return str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")


def _train_and_predict(python: str, folder: Path) -> None:
    where = _run(python, "-c", "import sdae; print(sdae.__file__)", cwd=folder)
    assert str(folder) in where
    sdae = [python, "-m", "sdae"]
    said = _run(*sdae, "train", "mnist", *QUICK, *SMALL, "--out", "run", "--quiet", cwd=folder)
    assert said.splitlines()[-1].startswith("Test error ")
    _run(*sdae, "predict", "run", "mnist", "-o", "predicted.csv", cwd=folder)
    assert len((folder / "predicted.csv").read_text().splitlines()) == 10_001


def _run(*command: str, cwd: Path | None = None) -> str:
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, cwd=cwd, env=bare, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
