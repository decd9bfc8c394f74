"""Small probabilities and activations are right relatively: logarithms can be taken of them.

Axes: n rows of one column; the units and classes look at that column alone.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from safetensors.torch import load

from sdae import StackedDenoisingAutoencoder
from sdae.app.export.exported_model import package_answers, subject_of
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.onnx_graph import onnx_bytes
from sdae.app.export.onnx_nodes import Graph
from sdae.app.export.parity import bounds_of, check
from sdae.app.export.probe_rows import trial_of
from sdae.app.export.sequential import sequential_bytes
from sdae.app.export.writing import export_model
from sdae.core.errors import ParityError
from sdae.core.kinds.activations import sigmoid_nodes
from sdae.core.model_file import Model
from tests.app.export.conftest import Program
from tests.app.export.models import make, rows_of

onnxruntime = pytest.importorskip("onnxruntime")  # not every Python has one

TYPES = [torch.float32, torch.float64]
Values = NDArray[Any]


def stack_of(activation: str, dtype: torch.dtype, n_classes: int | None = None) -> Any:
    """Return a stack whose pre-activation is the row, and that of what is rebuilt -300 codes + 100.

    The two logits of its classes are the code and its negative.
    """
    stack = StackedDenoisingAutoencoder(
        1, (1,), n_classes, activation=activation, tied=False, decoder="sigmoid", dtype=dtype
    )
    layer = stack.autoencoder(0)
    with torch.no_grad():
        for name, value in (("weight", 1.0), ("decoder_weight", -300.0), ("visible_bias", 100.0)):
            layer.get_parameter(name).fill_(value)
        if n_classes:
            stack.head.weight.copy_(torch.tensor([[1.0], [-1.0]]))
    return stack


def scan(dtype: torch.dtype, far: float) -> Values:
    """Return rows from -far to far."""
    kind = str(dtype).removeprefix("torch.")
    return np.linspace(-far, far, 4001)[:, None].astype(kind)


def sigmoid(a: Values) -> NDArray[np.longdouble]:
    e: NDArray[np.longdouble] = np.exp(-np.abs(a.astype(np.longdouble)))
    return np.where(a < 0, e, 1) / (1 + e)


def answers(model: Model, x: Values, program: Program) -> dict[str, dict[str, Values]]:
    """Return what each way out answers, by what runs it."""
    subject = subject_of(model, 1)
    content = onnx_bytes(subject)
    reference = ReferenceEvaluator(onnx.load_model_from_string(content))
    alone = program(model)
    network = torch.nn.Sequential(torch.nn.Linear(1, 1, dtype=torch.from_numpy(x).dtype))
    network.append(
        {"sigmoid": torch.nn.Sigmoid(), "relu": torch.nn.ReLU()}[subject.stack.activation]
    )
    found = {
        "onnxruntime": dict(run_onnx(content, x)),
        "onnx": dict(zip(reference.output_names, reference.run(None, {"x": x}), strict=True)),
        "numpy": {"codes": alone.encode(x), "reconstruction": alone.reconstruct(x)},
    }
    if model.stack.n_classes is not None:
        found["numpy"]["probabilities"] = alone.predict_proba(x)
        network.append(torch.nn.Linear(1, 2, dtype=torch.from_numpy(x).dtype))
        network.append(torch.nn.Softmax(1))
    network.load_state_dict(load(sequential_bytes(subject)))
    with torch.inference_mode():
        last = network(torch.from_numpy(x)).numpy()
    found["torch"] = {"codes" if model.stack.n_classes is None else "probabilities": last}
    return found


def assert_close(found: Values, exact: Any, relative: float) -> None:
    """Compare relatively down to the smallest normal number, and absolutely below."""
    tiny = float(np.finfo(found.dtype).tiny)
    exact = exact.astype(np.longdouble)
    assert np.isfinite(found).all()
    assert (np.abs(found - exact) <= relative * exact + (exact < tiny) * tiny).all()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_sigmoid_keeps_its_digits_far_left(dtype: torch.dtype, program: Program) -> None:
    x = scan(dtype, 110 if dtype is torch.float32 else 760)
    relative = 4 * float(np.finfo(x.dtype).eps)
    least = math.log(np.finfo(x.dtype).smallest_subnormal)
    for name, found in answers(Model(stack_of("sigmoid", dtype)), x, program).items():
        codes = found["codes"]
        assert codes.dtype == x.dtype, name
        assert_close(codes, sigmoid(x), relative)
        if name != "torch":
            assert (codes[x > least + 0.5] > 0).all(), name  # as long as the type has numbers


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_reconstruction_keeps_its_digits(dtype: torch.dtype, program: Program) -> None:
    x = np.abs(scan(dtype, 0.62))
    exact = sigmoid(-300 * x.astype(np.longdouble) + 100)  # down to exp(-86)
    assert exact.min() < 1e-36
    relative = 600 * float(np.finfo(x.dtype).eps)  # 300 x is rounded
    found = answers(Model(stack_of("relu", dtype)), x, program)
    for name in ("onnxruntime", "onnx", "numpy"):
        assert_close(found[name]["reconstruction"], exact, relative)
        assert np.isfinite(np.log(found[name]["reconstruction"])).all()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_probability_keeps_its_digits(dtype: torch.dtype, program: Program) -> None:
    x = np.abs(scan(dtype, 43))
    relative = 400 * float(np.finfo(np.float32 if dtype is torch.float32 else np.float64).eps)
    exact = np.concatenate([sigmoid(2 * x), sigmoid(-2 * x)], axis=1)
    for found in answers(Model(stack_of("relu", dtype, 2)), x, program).values():
        assert_close(found["probabilities"], exact, relative)
        assert np.isfinite(np.log(found["probabilities"])).all()


def test_the_program_answers_where_numpy_stops_at_overflow(program: Program) -> None:
    x = np.array([[-1e30], [-200], [0], [200], [1e30]], np.float32)
    alone = program(Model(stack_of("sigmoid", torch.float32, 2)))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert alone.encode(x)[:, 0].tolist() == [0, 0, 0.5, 1, 1]
        assert np.isfinite(alone.predict_proba(x)).all()


# -- the check -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize(
    ("activation", "size", "output"),
    [
        ("sigmoid", 0.1, "codes"),
        ("sigmoid", 1.0, "codes"),
        ("sigmoid", 10.0, "codes"),
        ("tanh", 30.0, "reconstruction"),
        ("relu", 0.3, "reconstruction"),
    ],
)
def test_a_sigmoid_that_is_right_only_absolutely_is_refused(
    activation: str,
    size: float,
    output: str,
    dtype: torch.dtype,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ONNX's own operation, as onnxruntime computes it."""

    expression = Graph.expression

    def approximate(self: Any, of: Any, value: str, dtype: Any, output: str) -> str:
        if of is not sigmoid_nodes:
            return expression(self, of, value, dtype, output)
        return str(self.node("Sigmoid", [value], output))

    model = make(size=size, activation=activation, decoder="sigmoid", dtype=dtype)
    export_model(model, onnx=tmp_path / "model.onnx", layer=0)
    monkeypatch.setattr(Graph, "expression", approximate)
    with pytest.raises(ParityError, match=rf"The ONNX file .*, {output} \d"):
        export_model(model, onnx=tmp_path / "other.onnx", layer=0)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("output", ["probabilities", "codes", "reconstruction"])
def test_small_values_may_differ_by_what_was_promised(output: str) -> None:
    model = make(n_classes=3, size=9.0, activation="sigmoid")
    subject = subject_of(model, 1 if output == "codes" else 2)
    trial = trial_of(subject, rows_of(model))
    values = trial.package[output][: trial.kinds["own"]]
    row, column = np.argwhere((values > 1e-15) & (values < 1e-7))[0]
    value = float(values[row, column])
    for share, agrees in ((0.9e-4, True), (-0.9e-4, True), (1e-3, False), (-1e-3, False)):
        found = dict(trial.package)
        found[output] = found[output].copy()
        found[output][row, column] = value * (1 + share)
        if agrees:
            check(subject, trial, found, "It")
        else:
            with pytest.raises(ParityError, match=f"for own row {row + 1}, {output} {column}"):
                check(subject, trial, found, "It")


def test_what_is_too_small_for_a_normal_number_may_be_0() -> None:
    model = Model(stack_of("sigmoid", torch.float32))
    subject = subject_of(model, 1)
    trial = trial_of(subject, np.array([[-87.5]]))
    found = dict(trial.package)
    assert 0 < found["codes"][0, 0] < np.finfo(np.float32).tiny
    found["codes"] = np.where(found["codes"] < np.finfo(np.float32).tiny, 0, found["codes"])
    assert check(subject, trial, found, "It").n_undecided == 0


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_the_file_tells_its_bounds(dtype: torch.dtype) -> None:
    tiny = float(np.finfo(str(dtype).removeprefix("torch.")).tiny)
    itself = {"relative": 1e-4, "of": "the value", "absolute": tiny}
    of_row = {"relative": 1e-4, "of": "the largest of the row", "absolute": 1e-5}
    for options, expected in (
        (
            {"activation": "sigmoid", "n_classes": 2},
            {"codes": itself, "reconstruction": itself, "probabilities": itself},
        ),
        (
            {"activation": "tanh", "decoder": "sigmoid", "scaled": "minmax", "n_targets": 2},
            {"codes": of_row, "reconstruction": of_row, "prediction": of_row},
        ),
        (
            {"activation": "relu", "decoder": ["sigmoid", "linear"]},
            {"codes": of_row, "reconstruction": itself},
        ),
        (
            {"activation": "relu", "decoder": ["linear", "sigmoid"]},
            {"codes": of_row, "reconstruction": of_row},
        ),
    ):
        subject = subject_of(make(dtype=dtype, **options), 2)
        session: Any = onnxruntime.InferenceSession(onnx_bytes(subject))
        metadata = session.get_modelmeta().custom_metadata_map
        assert json.loads(metadata["bounds"]) == expected
        outputs = {out.name for out in session.get_outputs()} - {"label"}
        assert (
            set(bounds_of(subject))
            == outputs
            == set(package_answers(subject, rows_of(subject.model))) - {"label"}
        )
