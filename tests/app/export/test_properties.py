"""Whatever the network, all three ways out answer as the stack itself does."""

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load
from torch import nn

from sdae.app.export.exported_model import subject_of
from sdae.app.export.onnx_file import checked_onnx, run_onnx
from sdae.app.export.probe_rows import trial_of
from sdae.app.export.sequential import checked_sequential
from sdae.core.kinds.activations import Activation
from sdae.core.model_file import Model
from tests.app.export.conftest import Program
from tests.app.export.models import Rows, assert_same, make, rows_of, unit_of, wanted

pytest.importorskip("onnxruntime")  # not every Python has one

PROPERTIES = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CLASSES: list[tuple[Any, ...]] = [
    (0, 1),
    (7, -3, 2**62),
    (False, True),
    ("no", "yes"),
    ("Ähre", "猫", "🌾", ""),
    tuple(range(40)),
]
HEADS = st.one_of(
    st.just({}),
    st.sampled_from(CLASSES).map(lambda classes: {"classes": classes}),
    st.integers(2, 5).map(lambda n: {"n_classes": n}),
    st.integers(1, 3).map(lambda n: {"n_targets": n}),
)


@st.composite
def models(draw: st.DrawFn) -> tuple[Model, int]:
    """Draw a model, and a layer."""
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple))
    decoders = draw(st.lists(st.sampled_from(["sigmoid", "linear"]), min_size=1, max_size=4))
    model = make(
        sizes,
        n_visible=draw(st.integers(1, 40)),
        scaled=draw(st.sampled_from([None, "minmax", "standard"])),
        size=draw(st.sampled_from([0.05, 0.5, 1.0])),
        seed=draw(st.integers(0, 1000)),
        activation=draw(st.sampled_from(Activation)),
        decoder=[decoders[layer % len(decoders)] for layer in range(len(sizes))],
        tied=draw(st.booleans()),
        dtype=draw(st.sampled_from([torch.float32, torch.float64])),
        **draw(HEADS),
    )
    return model, draw(st.integers(0, len(sizes) - 1))


@PROPERTIES
@given(drawn=models())
def test_every_way_out_answers_as_the_stack(drawn: tuple[Model, int], program: Program) -> None:
    model, layer = drawn
    x = rows_of(model)
    subject = subject_of(model, layer + 1)
    trial = trial_of(subject, x)
    content, agreement = checked_onnx(subject, trial)
    assert agreement.n_undecided < 0.02 * len(trial.x)
    expected = wanted(model, x, layer)
    assert_same(dict(run_onnx(content, x)), expected, unit_of(model))
    assert_same(_asked(program(model), model, x, layer), expected, unit_of(model))
    _check_sequential(checked_sequential(subject, trial)[0], model, x)


def _asked(program: ModuleType, model: Model, x: Rows, layer: int) -> dict[str, Any]:
    answers = {"codes": program.encode(x, layer), "reconstruction": program.reconstruct(x, layer)}
    if model.stack.n_classes is not None:
        answers |= {"probabilities": program.predict_proba(x), "label": program.predict(x)}
    if model.stack.n_targets is not None:
        answers["prediction"] = program.predict(x)
    return answers


def _check_sequential(content: bytes, model: Model, x: Rows) -> None:
    kinds = {
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "gelu": nn.GELU,
        "silu": nn.SiLU,
        "identity": nn.Identity,
    }
    widths = [model.stack.n_visible, *model.stack.hidden_layer_sizes]
    network = nn.Sequential()
    for n_in, n_out in itertools.pairwise(widths):
        network.extend([nn.Linear(n_in, n_out), kinds[model.stack.activation]()])
    if model.stack.n_outputs is not None:
        network.append(nn.Linear(widths[-1], model.stack.n_outputs))
    network.to(model.stack.autoencoder(0).weight.dtype).load_state_dict(load(content))
    scaling = model.scaling
    rows = x if scaling is None else ((x - scaling.offset) / scaling.scale).astype(x.dtype)
    with torch.no_grad():
        found, expected = (part(torch.from_numpy(rows)) for part in (network, model.stack.mlp))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_the_sweep_would_see_another_network() -> None:
    """The comparison itself: answers of other weights are not the same."""
    model, other = make(n_classes=3), make(n_classes=3, seed=1)
    x = rows_of(model)
    for name in ("probabilities", "codes", "reconstruction"):
        found, expected = wanted(other, x)[name], wanted(model, x)[name]
        assert np.abs(found - expected).max() > 0.01
