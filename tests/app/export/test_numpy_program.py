"""The NumPy program: alone with NumPy it answers as the package does."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae.app.export import numpy_folder
from sdae.app.export import numpy_program as predict
from sdae.app.export.exported_model import package_answers, subject_of
from sdae.app.export.writing import export_model
from sdae.core import preprocessing
from sdae.core.errors import FileAccessError
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling
from tests.app.cli.commands import fail_after
from tests.app.cli.samples import contents, write_table
from tests.app.export.conftest import Program
from tests.app.export.models import Rows, assert_same, make, rows_of, wanted

NAMES = ("a", "b", "c", "d", "e", "größe, cm")


def flowers() -> Model:
    """Return a classifier with names of columns."""
    plain = make(classes=("Ähre", "no", "yes"), scaled="standard")
    return Model(plain.stack, plain.scaling, plain.classes, NAMES)


def write_csv(path: Path, x: Rows, names: tuple[str, ...], separator: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerows([names, *x.tolist()])
    return path


def read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    return header, lines


@pytest.fixture(scope="module")
def numpy_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with NumPy, and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    site = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (site / name).exists():
            (folder / name).symlink_to(site / name, target_is_directory=True)
    return folder


def run_alone(folder: Path, alone: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python without site-packages, but for NumPy, in a folder."""
    paths = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(alone)!r}]\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", paths + code],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_it_answers_where_there_is_nothing_but_numpy(tmp_path: Path, numpy_alone: Path) -> None:
    model = flowers()
    export_model(model, numpy=tmp_path / "model")
    x = rows_of(model)
    write_csv(tmp_path / "rows.csv", x, NAMES)
    run = run_alone(
        tmp_path / "model",
        numpy_alone,
        "import importlib.util, runpy\n"
        "for name in ('torch', 'sdae', 'safetensors', 'onnx', 'sklearn'):\n"
        "    assert importlib.util.find_spec(name) is None, name\n"
        "sys.argv = ['predict.py', '../rows.csv', '-o', '../answers.csv']\n"
        "runpy.run_path('predict.py', run_name='__main__')\n"
        "packages = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(name for name in packages if not name.startswith('_')))\n",
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert run.stdout == "['numpy']\n"
    header, lines = read_csv(tmp_path / "answers.csv")
    expected = wanted(model, x)
    assert header == ["label", "p_Ähre", "p_no", "p_yes"]
    found = {
        "probabilities": np.array([line[1:] for line in lines], np.float64),
        "label": np.array([line[0] for line in lines], object),
    }
    assert_same(found, {name: expected[name] for name in found})


def test_a_program_of_ones_own_imports_it(tmp_path: Path, numpy_alone: Path) -> None:
    model = flowers()
    export_model(model, numpy=tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "predict.py",
        "weights.safetensors",
    ]
    np.save(tmp_path / "x.npy", rows_of(model))
    code = "import numpy as np\nfrom predict import predict_proba\n"
    code += "np.save('../p.npy', predict_proba(np.load('../x.npy')))"
    run = run_alone(tmp_path / "model", numpy_alone, code)
    assert run.returncode == 0, run.stderr
    p = np.load(tmp_path / "p.npy")
    assert np.abs(p - wanted(model, rows_of(model))["probabilities"]).max() < 1e-5


def test_a_blocked_import_is_not_missed(tmp_path: Path) -> None:
    """The same in this environment, where all is installed but may not be imported."""
    export_model(flowers(), numpy=tmp_path / "model")
    np.save(tmp_path / "x.npy", rows_of(flowers()))
    code = (
        "import sys, runpy\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] not in {*sys.stdlib_module_names, 'numpy'}:\n"
        "            raise ImportError(f'{name} is blocked')\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "sys.argv = ['predict.py', 'x.npy', '-o', 'answers.csv']\n"
        "runpy.run_path('model/predict.py', run_name='__main__')\n"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8"
    )
    assert run.returncode == 0, run.stderr
    assert len(read_csv(tmp_path / "answers.csv")[1]) == 40


# -- in this process -----------------------------------------------------------------------------


def asked(program: Program, model: Model, rows: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the program answer to a file of rows; return the file of its answers."""
    out = rows.with_name("answers.csv")
    monkeypatch.setattr(sys, "argv", ["predict.py", str(rows), "-o", str(out)])
    program(model).main()
    return out


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_are_found_by_name(
    separator: str, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = flowers()
    x = rows_of(model)
    shuffled = np.column_stack([x[:, ::-1], np.zeros(len(x))])
    names = (*reversed(NAMES), "more")
    rows = write_csv(tmp_path / "rows.csv", shuffled, names, separator)
    if separator == ",":
        rows.write_bytes(b"\xef\xbb\xbf" + rows.read_bytes())  # as spreadsheets mark UTF-8
    _, lines = read_csv(asked(program, model, rows, monkeypatch))
    found = np.array([line[1:] for line in lines], np.float64)
    assert np.abs(found - wanted(model, x)["probabilities"]).max() < 1e-5


@pytest.mark.parametrize("scaled", [None, "standard"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_rows_are_cut_off_where_the_package_does(
    dtype: torch.dtype, scaled: str | None, program: Program
) -> None:
    assert predict.FARTHEST == preprocessing.FARTHEST == 1e18
    model = make(activation="relu", decoder="linear", scaled=scaled, size=0.3, dtype=dtype)
    scaling = model.scaling
    offset, scale = (0, 1) if scaling is None else (scaling.offset, scaling.scale)
    out = np.array([3e14, 3e15, 3e17, 9e17, 1e18, 4e18, 1e19, 1e25])[:, None] * np.ones(6)
    x = (np.concatenate([out, -out]) * scale + offset).astype(str(dtype).removeprefix("torch."))
    found = program(model).encode(x)
    cut = package_answers(subject_of(model, 2), x)["codes"]
    largest = cut.max(axis=1, keepdims=True)
    assert len(np.unique(largest)) >= 6  # below the cut rows differ, above they do not
    assert (np.abs(found - cut) <= 1e-5 * largest).all()


def test_a_regression_gives_its_values_and_other_models_their_codes(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model, name, header in (
        (make(n_targets=1), "prediction", ["prediction"]),
        (make(n_targets=2), "prediction", ["prediction_0", "prediction_1"]),
        (make(), "codes", ["h0", "h1", "h2", "h3"]),
    ):
        x = rows_of(model)
        rows = write_csv(tmp_path / "rows.csv", x, NAMES)
        got, lines = read_csv(asked(program, model, rows, monkeypatch))
        assert got == header
        assert_same({name: np.array(lines, np.float64)}, {name: wanted(model, x)[name]})


def test_rows_beyond_all_measure_are_cut_off_as_in_the_package(program: Program) -> None:
    model = make(activation="relu", scaled="standard", n_classes=3)
    x = np.array([[3e38] * 6, [-3e38] * 6, [0.0] * 6], np.float32)
    cut = model.scaling
    assert cut is not None
    near = np.clip((x - cut.offset) / cut.scale, -1e18, 1e18) * cut.scale + cut.offset
    found = program(model).predict_proba(x)
    assert np.abs(found - program(model).predict_proba(near)).max() < 1e-5
    assert found.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("missing.csv", r"No such file"),
        ("lacks.csv", r"lacks\.csv has no column 'größe, cm'\."),
        ("text.csv", r"could not convert string to float: 'five'"),
        ("gap.csv", r"gap\.csv must hold finite numbers in 6 columns\."),
        ("narrow.npy", r"narrow\.npy must hold finite numbers in 6 columns\."),
        ("empty.csv", r"not enough values to unpack"),
    ],
)
def test_rows_it_cannot_use_are_refused(
    rows: str,
    said: str,
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    x = np.ones((2, 6))
    write_csv(tmp_path / "lacks.csv", x, (*NAMES[:-1], "f"))
    write_csv(tmp_path / "gap.csv", np.full((2, 6), np.nan), NAMES)
    write_table(tmp_path / "text.csv", [*NAMES[:-1], '"größe, cm"'], [[1]] * 5 + [["five"]])
    np.save(tmp_path / "narrow.npy", x[:, :5])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(SystemExit, match="2"):
        asked(program, flowers(), tmp_path / rows, monkeypatch)
    error = capsys.readouterr().err
    assert "predict.py: error: " in error
    assert re.search(said, error)
    assert not (tmp_path / "answers.csv").exists()


# -- the folder ----------------------------------------------------------------------------------


def test_an_empty_folder_is_filled_and_another_left_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    export_model(make(), numpy=tmp_path / "empty")
    assert len(contents(tmp_path / "empty")) == 2
    before = contents(tmp_path)
    with pytest.raises(FileAccessError, match=r"empty already exists and is not an empty folder\."):
        export_model(make(), numpy=tmp_path / "empty")
    with pytest.raises(
        FileAccessError, match=r"predict.py already exists and is not an empty folder"
    ):
        export_model(make(), numpy=tmp_path / "empty" / "predict.py")
    with pytest.raises(FileAccessError, match=r"nowhere does not exist"):
        export_model(make(), numpy=tmp_path / "nowhere" / "folder")
    assert contents(tmp_path) == before


def test_a_full_disk_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(3, monkeypatch)
    with pytest.raises(FileAccessError, match="No space left"):
        numpy_folder.write_folder(tmp_path / "folder", {"a": b"1", "b": b"2"})
    assert not any(tmp_path.iterdir())


def test_what_a_kill_left_hinders_no_later_process_of_the_same_number(tmp_path: Path) -> None:
    left = tmp_path / f".folder.partial-{os.getpid()}"
    left.mkdir()
    (left / "notes.txt").write_text("mine")
    numpy_folder.write_folder(tmp_path / "folder", {"a": b"1"})
    assert (tmp_path / "folder/a").read_bytes() == b"1"
    assert (left / "notes.txt").read_text() == "mine"


def test_a_full_disk_while_it_is_tried_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(FileAccessError, match=r"Cannot write .*: No space left on device\."):
        export_model(make(), numpy=tmp_path / "folder")
    assert not any(tmp_path.iterdir())


def test_times_are_scaled_as_float64(tmp_path: Path) -> None:
    """The program reads numbers that float32 would not tell apart, and gives such numbers back."""
    pytest.importorskip("onnxruntime")  # not every Python has one
    plain = make(classes=("no", "yes"), scaled="standard", size=0.3)
    scaling = Scaling("standard", np.full(6, 1.7e9), np.full(6, 5.0))
    model = Model(plain.stack, scaling, plain.classes, NAMES)
    x = 1.7e9 + 5 * np.random.default_rng(0).normal(size=(50, 6))
    exported = export_model(
        model,
        onnx=tmp_path / "model.onnx",
        numpy=tmp_path / "model",
        sequential=tmp_path / "m.safetensors",
        rows=x,
    )
    assert len(exported) == 3
    write_csv(tmp_path / "rows.csv", x, NAMES)
    command = [sys.executable, "predict.py", "../rows.csv", "-o", "../answers.csv"]
    subprocess.run(command, cwd=tmp_path / "model", check=True)
    _, lines = read_csv(tmp_path / "answers.csv")
    found = np.array([line[1:] for line in lines], np.float64)
    np.testing.assert_allclose(found, wanted(model, x)["probabilities"], atol=1e-5)
    np.save(tmp_path / "x.npy", x)
    code = "import numpy as np\nfrom predict import reconstruct\n"
    code += "np.save('../back.npy', reconstruct(np.load('../x.npy'), 0))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "model", check=True)
    back = np.load(tmp_path / "back.npy")
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, wanted(model, x, 0)["reconstruction"], rtol=0, atol=1e-3)
