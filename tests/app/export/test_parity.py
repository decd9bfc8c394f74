"""An export that does not answer as the package does is refused, and nothing is left of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.torch import load, save

from sdae import StackedDenoisingAutoencoder
from sdae.app.export import numpy_folder, onnx_file, sequential
from sdae.app.export.exported_model import Subject, subject_of
from sdae.app.export.onnx_graph import onnx_bytes
from sdae.app.export.parity import check
from sdae.app.export.probe_rows import Trial, trial_of
from sdae.app.export.sequential import sequential_bytes
from sdae.app.export.writing import export_model
from sdae.core.errors import DataError, ParityError
from sdae.core.model_file import Model, save_model
from tests.app.cli.samples import contents
from tests.app.export.models import make, rows_of

pytest.importorskip("onnxruntime")  # not every Python has one

MODEL = make(
    classes=("a", "b", "c"),
    scaled="standard",
    tied=False,
    decoder="linear",
    activation="tanh",
    seed=4,  # every class is some row's
)
PROGRAM = Path(numpy_folder.__file__).with_name("numpy_program.py")
NAMES = [
    entry.name
    for entry in onnx.load_model_from_string(onnx_bytes(subject_of(MODEL, 2))).graph.initializer
]


def corrupted(name: str) -> Callable[[Subject], bytes]:
    """Return what writes a graph of which one number of one constant is wrong."""

    def write(subject: Subject) -> bytes:
        model = onnx.load_model_from_string(onnx_bytes(subject))
        (found,) = [entry for entry in model.graph.initializer if entry.name == name]
        array = numpy_helper.to_array(found).copy()
        array.flat[-1] = "b" if array.dtype == object else array.flat[-1] * 1.1 + 0.1
        found.CopyFrom(numpy_helper.from_array(array, name))
        return bytes(model.SerializeToString())

    return write


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("lowest", "highest")])
def test_one_wrong_number_of_the_onnx_file_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"an older file")
    monkeypatch.setattr(onnx_file, "onnx_bytes", corrupted(name))
    before = contents(tmp_path)
    with pytest.raises(ParityError, match=r"The ONNX file differs from the model: "):
        export_model(MODEL, onnx=path, sequential=tmp_path / "a.safetensors", rows=rows_of(MODEL))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["lowest", "highest"])
def test_extreme_rows_notice_that_rows_are_cut_off_elsewhere(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def write(subject: Subject) -> bytes:
        model = onnx.load_model_from_string(onnx_bytes(subject))
        (found,) = [entry for entry in model.graph.initializer if entry.name == name]
        found.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(found) / 2, name))
        return bytes(model.SerializeToString())

    monkeypatch.setattr(onnx_file, "onnx_bytes", write)
    relu = make(activation="relu")
    with pytest.raises(ParityError, match=r"for extreme row \d+, \w+ \d"):
        export_model(relu, onnx=tmp_path / "model.onnx")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["a weight", "the program"])
def test_a_wrong_numpy_folder_is_noticed(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_other(model: Model, path: Path) -> None:
        save_model(make(classes=model.classes, seed=1), path)

    if change == "a weight":
        monkeypatch.setattr(numpy_folder, "save_model", save_other)
    else:
        text = PROGRAM.read_text().replace('"tanh": np.tanh', '"tanh": np.sin')
        (tmp_path / "numpy_program.py").write_text(text)
        monkeypatch.setattr(numpy_folder, "__file__", str(tmp_path / "numpy_folder.py"))
    before = contents(tmp_path)
    with pytest.raises(ParityError, match=r"The NumPy program differs from the model"):
        export_model(make(classes=("a", "b"), activation="tanh"), numpy=tmp_path / "folder")
    assert contents(tmp_path) == before


def test_a_numpy_program_that_cuts_rows_off_elsewhere_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = PROGRAM.read_text()
    assert "FARTHEST = 1e18 " in text
    (tmp_path / "numpy_program.py").write_text(text.replace("FARTHEST = 1e18 ", "FARTHEST = 1e15 "))
    monkeypatch.setattr(numpy_folder, "__file__", str(tmp_path / "numpy_folder.py"))
    with pytest.raises(ParityError, match=r"The NumPy program .* for extreme row \d+, \w+ \d"):
        export_model(make(activation="relu"), numpy=tmp_path / "folder")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "import sys; sys.modules['torch'] = sys",
            "The NumPy program imports torch. Nothing was written.",
        ),
        ("raise ValueError('no weights.')", "program failed: ValueError: no weights. Nothing"),
    ],
)
def test_a_program_that_needs_more_or_fails_is_refused(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(numpy_folder.__file__).with_name("numpy_program.py").read_text()
    (tmp_path / "numpy_program.py").write_text(
        text.replace("import argparse", f"import argparse\n{line}")
    )
    monkeypatch.setattr(numpy_folder, "__file__", str(tmp_path / "numpy_folder.py"))
    with pytest.raises(ParityError, match=said):
        export_model(make(), numpy=tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_wrong_state_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(subject: Subject) -> bytes:
        state = load(sequential_bytes(subject))
        state["2.weight"][0, 0] += 0.1
        content: bytes = save(state)
        return content

    monkeypatch.setattr(sequential, "sequential_bytes", write)
    with pytest.raises(ParityError, match=r"The nn.Sequential differs from the model"):
        export_model(MODEL, sequential=tmp_path / "a.safetensors")
    assert not any(tmp_path.iterdir())


def test_a_file_that_onnxruntime_does_not_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "onnx_bytes", lambda _: b"no graph")
    with pytest.raises(ParityError, match=r"^The ONNX file does not run in onnxruntime: .*\.$"):
        export_model(MODEL, onnx=tmp_path / "model.onnx")
    assert not any(tmp_path.iterdir())


# -- the comparison ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trial() -> Trial:
    return trial_of(subject_of(MODEL, 2), rows_of(MODEL))


def shifted(trial: Trial, name: str, row: int, by: float) -> dict[str, Any]:
    """Return the package's answers with one of them moved."""
    found = dict(trial.package)
    found[name] = found[name].copy()
    found[name][row, 1] += by
    return found


def test_what_the_package_says_agrees_with_it(trial: Trial) -> None:
    agreement = check(subject_of(MODEL, 2), trial, trial.package, "It")
    assert agreement.kinds == {"own": 40, "random": 256, "extreme": 72}
    assert agreement.outputs == ("probabilities", "label", "codes", "reconstruction")
    assert agreement.n_undecided == 0
    assert set(agreement.differences.values()) == {0.0}


@pytest.mark.parametrize("row", [0, 45, 300])
def test_a_probability_may_differ_by_what_was_promised(trial: Trial, row: int) -> None:
    p = float(trial.package["probabilities"][row, 1])
    subject = subject_of(MODEL, 2)
    check(subject, trial, shifted(trial, "probabilities", row, 0.99e-4 * p), "It")
    for by in (2e-4 * p, -2e-4 * p, np.nan):
        with pytest.raises(ParityError, match=f"for {trial.place(row)}, probabilities 1"):
            check(subject, trial, shifted(trial, "probabilities", row, by), "It")


def test_a_reconstruction_is_compared_in_the_units_of_the_network(trial: Trial) -> None:
    subject, scaling = subject_of(MODEL, 2), MODEL.scaling
    assert scaling is not None
    row = (trial.package["reconstruction"][3] - scaling.offset) / scaling.scale
    allowed = (1e-5 + 1e-4 * np.abs(row).max()) * scaling.scale[1]
    check(subject, trial, shifted(trial, "reconstruction", 3, 0.9 * allowed), "It")
    with pytest.raises(ParityError, match="for own row 4, reconstruction 1"):
        check(subject, trial, shifted(trial, "reconstruction", 3, 1.2 * allowed), "It")


def test_a_label_counts_where_the_best_two_classes_differ(trial: Trial) -> None:
    subject = subject_of(MODEL, 2)
    labels = trial.package["label"].copy()
    labels[7] = next(label for label in "abc" if label != labels[7])
    with pytest.raises(ParityError, match=r"for own row 8 the label is '\w' instead of '\w'"):
        check(subject, trial, {**trial.package, "label": labels}, "It")
    p = trial.package["probabilities"].copy()
    p[7] = [0.49996, 0.50004, 0.0]
    close = replace(
        trial,
        package={**trial.package, "probabilities": p},
        exact={**trial.exact, "probabilities": p},
    )
    check(subject, close, {**close.package, "label": labels}, "It")


def test_another_shape_is_refused(trial: Trial) -> None:
    found = {"codes": trial.package["codes"][:, :1]}
    with pytest.raises(ParityError, match=r"codes of shape \(368, 1\) instead of \(368, 4\)"):
        check(subject_of(MODEL, 2), trial, found, "It")


def test_rows_where_rounding_decides_may_differ_and_are_counted(trial: Trial) -> None:
    subject = subject_of(MODEL, 2)
    exact = {**trial.exact, "codes": trial.exact["codes"].copy()}
    exact["codes"][:5] += 1e-4
    doubtful = replace(trial, exact=exact)
    assert check(subject, doubtful, trial.package, "It").n_undecided == 0
    agreement = check(subject, doubtful, shifted(trial, "codes", 4, 1.0), "It")
    assert agreement.n_undecided == 1
    assert agreement.differences["codes"] == 0
    with pytest.raises(ParityError, match="for own row 6, codes 1"):
        check(subject, doubtful, shifted(trial, "codes", 5, 1.0), "It")
    labels = trial.package["label"].copy()
    labels[4] = "another"
    check(subject, doubtful, {**shifted(trial, "codes", 4, 1.0), "label": labels}, "It")


def test_most_rows_must_not_differ(trial: Trial) -> None:
    subject, codes = subject_of(MODEL, 2), trial.package["codes"]
    doubtful = replace(trial, exact={**trial.exact, "codes": codes + 1e-4})
    found = codes.copy()
    found[: len(codes) // 2] += 1
    assert check(subject, doubtful, {"codes": found}, "It").n_undecided == len(codes) // 2
    with pytest.raises(ParityError, match=r"It cannot be checked: it differs in 368 of 368 rows"):
        check(subject, doubtful, {"codes": codes + 1}, "It")


def test_a_network_of_half_precision_is_refused() -> None:
    stack = StackedDenoisingAutoencoder(4, (3,)).half()
    with pytest.raises(
        DataError, match=r"must be float32 or float64\. Got torch.float16 instead\. Load"
    ):
        subject_of(Model(stack), 1)
