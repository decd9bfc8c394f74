"""Every kind is complete: what is written of it elsewhere agrees with its entry."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

import sdae
from sdae import StackedDenoisingAutoencoder, pretrain
from sdae.app.export import numpy_ladder
from sdae.app.export import numpy_program as program
from sdae.core.corruption import corrupt
from sdae.core.donors import RowDonors
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.activations import Activation, Node
from sdae.core.kinds.combinators import Combinator
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.noises import NOISES, Noise, SwapNoise, parse_noise
from sdae.core.kinds.optimizers import Optimizer
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import MappedRows, RowSource, SparseRows, TensorRows
from sdae.train.engines import support
from sdae.train.settings import ENGINES, PretrainingConfig

ACTIVATIONS = pytest.mark.parametrize("activation", Activation)
A = torch.linspace(-12, 12, 2401, dtype=torch.float64)
NETWORK_JS = Path(sdae.__file__).parent / "app" / "report" / "static" / "network.js"


@ACTIVATIONS
def test_an_activation_is_its_name(activation: Activation) -> None:
    assert activation == str(activation) == activation.value == activation.name.lower()
    assert json.dumps(activation) == f'"{activation}"'
    assert Activation(activation.value) is activation


@ACTIVATIONS
def test_the_slope_is_the_derivative(activation: Activation) -> None:
    a = A.clone().requires_grad_()
    h = activation.facts.function(a)
    (expected,) = torch.autograd.grad(h.sum(), a)
    slope = activation.facts.slope(a.detach(), h.detach())
    torch.testing.assert_close(slope, expected, rtol=1e-12, atol=1e-12)


@ACTIVATIONS
def test_the_layer_of_a_network_is_the_function(activation: Activation) -> None:
    assert torch.equal(activation.facts.module()(A), activation.facts.function(A))


@ACTIVATIONS
def test_codes_keep_to_their_limits(activation: Activation) -> None:
    h = activation.facts.function(A)
    low, high = activation.facts.limits
    if math.isinf(low):
        assert float(h.min()) == -12
    else:
        assert low <= float(h.min()) <= low + 1e-4
    if math.isinf(high):
        assert float(h.max()) == pytest.approx(12, abs=1e-4)
    else:
        assert high - 1e-4 <= float(h.max()) <= high
    assert activation.facts.within_unit_interval == (low >= 0 and high <= 1)


@ACTIVATIONS
def test_units_that_are_off_below_a_number_are_said_to_be(activation: Activation) -> None:
    is_off = bool((activation.facts.function(torch.tensor([-5.0, -50.0, -80.0])) == 0).all())
    assert activation.facts.off_at_zero == is_off


@ACTIVATIONS
def test_a_saturated_unit_hardly_learns(activation: Activation) -> None:
    within = activation.facts.saturated_within
    low, high = activation.facts.limits
    assert (within is None) == math.isinf(high)
    if within is not None:
        h = activation.facts.function(A)
        slope = activation.facts.slope(A, h)
        saturated = (h <= low + within) | (h >= high - within)
        assert saturated.any()
        assert float(slope[saturated].max()) < 0.041 * float(slope.max())
        assert float(slope[~saturated].min()) > 0.038 * float(slope.max())


def test_the_numbers_of_kernels_are_those_of_the_entries() -> None:
    elementary = pytest.importorskip("sdae.core.kernels.elementary")
    known = {a.name: a.facts.number for a in Activation if a.facts.number is not None}
    names = ("SIGMOID", "TANH", "RELU", "SILU", "IDENTITY", "GELU")
    assert known == {name: getattr(elementary, name) for name in names}
    fused = {a.name: a.facts.kernel for a in Activation if a.facts.kernel is not None}
    assert fused == {name: known[name] for name in ("SIGMOID", "TANH", "RELU")}


def test_the_program_of_an_export_knows_every_activation_and_decoder() -> None:
    decoders = {str(decoder) for decoder in Decoder if decoder.facts is not None}
    assert set(program.FUNCTIONS) == {*Activation} | decoders


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@ACTIVATIONS
def test_the_program_of_an_export_computes_it(activation: Activation, dtype: torch.dtype) -> None:
    a = A.to(dtype)
    found = program.FUNCTIONS[activation](a.numpy())
    assert found.dtype == a.numpy().dtype
    tolerance = 8 * torch.finfo(dtype).eps
    np.testing.assert_allclose(
        found, activation.facts.function(a).numpy(), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@ACTIVATIONS
def test_its_operations_of_onnx_compute_it(activation: Activation, dtype: Any) -> None:
    a = A.numpy().astype(dtype)[:, None]
    found = computed_by_onnx(lambda node: activation.facts.onnx(node, "a"), a=a)
    expected = activation.facts.function(torch.from_numpy(a)).numpy()
    small_counts = activation.facts.keeps_small_codes
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-37 if small_counts else 1e-6)


def computed_by_onnx(of: Callable[[Node], str], **inputs: NDArray[Any]) -> NDArray[Any]:
    """Return what the operations of ONNX that a kind adds make of inputs, (n, d), by name."""
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    from sdae.app.export.onnx_nodes import Graph

    graph, type_ = Graph(), next(iter(inputs.values())).dtype
    for name, value in inputs.items():
        graph.input(name, type_, value.shape[1])
    graph.expression(lambda node, _: of(node), "", type_, "found")
    graph.output("found", type_, next(iter(inputs.values())).shape[1])
    made = onnx.helper.make_graph(
        graph.nodes, "s", graph.inputs, graph.outputs, initializer=graph.constants
    )
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.checker.check_model(model, full_check=True)
    answers: Any = ReferenceEvaluator(model).run(None, inputs)
    return np.asarray(answers[0])


def test_the_script_of_a_page_lists_every_activation() -> None:
    script = NETWORK_JS.read_text(encoding="utf-8")
    table = script[script.index("const activations = {") :].split("};")[0]
    for activation in Activation:
        assert f"    {activation}" in table


# -- decoders -------------------------------------------------------------------------------------

DECODERS = pytest.mark.parametrize("decoder", [each for each in Decoder if each.facts is not None])


@DECODERS
def test_the_slope_of_a_loss_is_its_derivative(decoder: Decoder) -> None:
    a = A.clone().requires_grad_()
    x = torch.rand(A.shape, dtype=A.dtype, generator=torch.Generator().manual_seed(1))
    (expected,) = torch.autograd.grad(decoder.facts.loss(x, a).sum(), a)
    torch.testing.assert_close(decoder.facts.slope(x, a.detach()), expected, rtol=1e-12, atol=1e-12)
    exact = decoder.facts.output.facts.function(a.detach())  # where the output is the data
    assert float(decoder.facts.slope(exact, a.detach()).abs().max()) < 1e-12
    if decoder.facts.within_unit_interval:
        assert decoder.facts.output.facts.within_unit_interval


@DECODERS
def test_the_script_of_a_page_lists_every_decoder(decoder: Decoder) -> None:
    script = NETWORK_JS.read_text(encoding="utf-8")
    table = script[script.index("const decoders = {") :].split("};")[0]
    assert re.search(rf"\b{decoder}\b", table)


@DECODERS
def test_the_kernels_know_a_decoder_by_its_number(decoder: Decoder) -> None:
    kernel = pytest.importorskip("sdae.train.kernels.fused.autoencoder_step")
    numbers = {"sigmoid": kernel.CROSS_ENTROPY, "linear": kernel.SQUARED_ERROR}
    assert decoder.facts.kernel == numbers.get(decoder)


# -- combinators ----------------------------------------------------------------------------------

COMBINATORS = pytest.mark.parametrize("combinator", Combinator)


def signals(combinator: Combinator, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return u, z̃ and coefficients that are random numbers, (60, 5), (60, 5), (rows, 5 or 1)."""
    random = torch.Generator().manual_seed(0)
    shapes = (60, 5), (60, 5), combinator.facts.shape(5)
    u, z_tilde, a = (torch.randn(shape, dtype=dtype, generator=random) for shape in shapes)
    return u, z_tilde, a


def test_the_program_of_an_export_knows_every_combinator() -> None:
    assert set(numpy_ladder.COMBINATORS) == {*Combinator}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@COMBINATORS
def test_the_program_of_an_export_combines(combinator: Combinator, dtype: torch.dtype) -> None:
    u, z_tilde, a = signals(combinator, dtype)
    estimate = numpy_ladder.COMBINATORS[combinator]
    found = estimate(u.numpy(), z_tilde.numpy(), a.numpy(), program.sigmoid)
    assert found.dtype == u.numpy().dtype
    expected = combinator.facts.estimate(u, z_tilde, a).numpy()
    tolerance = 100 * torch.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@COMBINATORS
def test_the_operations_of_onnx_combine(combinator: Combinator, dtype: torch.dtype) -> None:
    u, z_tilde, a = signals(combinator, dtype)
    rows = {f"a{k}": row[None].numpy() for k, row in enumerate(a)}
    inputs = {"u": u.numpy(), "z": z_tilde.numpy(), **rows}
    found = computed_by_onnx(lambda node: combinator.facts.onnx(node, "u", "z", [*rows]), **inputs)
    expected = combinator.facts.estimate(u, z_tilde, a).numpy()
    tolerance = 100 * torch.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@COMBINATORS
def test_the_script_of_a_page_lists_every_combinator(combinator: Combinator) -> None:
    script = NETWORK_JS.with_name("ladder.js").read_text(encoding="utf-8")
    assert f"    {combinator}(" in script[script.index("const combinators = {") :]


# -- noises ---------------------------------------------------------------------------------------

NOISES_OF_EACH = [
    parse_noise(text)
    for text in (
        "masking:0.3",
        "masking:0.25:exact",
        "salt_and_pepper:0.2",
        "gaussian:0.3",
        "swap:0.4",
    )
]
NOISY = pytest.mark.parametrize("noise", NOISES_OF_EACH, ids=str)


def test_the_noises_tried_are_all() -> None:
    assert {type(noise) for noise in NOISES_OF_EACH} == set(NOISES)


@NOISY
def test_a_noise_is_its_text(noise: Noise) -> None:
    assert parse_noise(str(noise)) == noise
    assert str(noise).split(":")[0] == noise.name
    assert parse_noise(str(noise.with_level(0.125))).level == 0.125
    assert noise.name in noise.forms


@NOISY
def test_a_noise_depends_on_the_row_and_not_on_the_batch(noise: Noise) -> None:
    rows = torch.from_numpy(np.random.default_rng(0).random((50, 9)))
    donors, key = RowDonors(TensorRows(rows)), NoiseKey(3, Stream.CORRUPTION)
    whole = corrupt(rows, noise, key, np.arange(50), donors)
    some = np.array([7, 31, 2])
    part = corrupt(rows[some], noise, key, some, donors)
    assert part.x_tilde.equal(whole.x_tilde[some])
    assert (whole.drawn is not None) == noise.draws_components
    if part.drawn is not None and whole.drawn is not None:
        assert part.drawn.equal(whole.drawn[some])
        assert whole.x_tilde[~whole.drawn].equal(rows[~whole.drawn])


@NOISY
def test_the_fused_kernel_knows_a_noise_by_its_number(noise: Noise) -> None:
    kernel = pytest.importorskip("sdae.train.kernels.fused.noise")
    numbers = {
        "masking:0.3": kernel.MASKING,
        "masking:0.25:exact": kernel.EXACT_MASKING,
        "salt_and_pepper:0.2": kernel.SALT_AND_PEPPER,
        "gaussian:0.3": kernel.GAUSSIAN,
    }
    arguments = noise.kernel_arguments(8)
    assert (None if arguments is None else arguments[0]) == numbers.get(str(noise))


def test_the_script_of_a_page_and_its_form_list_every_noise() -> None:
    script = NETWORK_JS.with_name("playground.js").read_text(encoding="utf-8")
    table = script[script.index("const noises = {") :].split("  };")[0]
    form = NETWORK_JS.parents[1] / "templates" / "playground.html.j2"
    for noise in NOISES:
        assert f"    {noise.name}: (" in table
        assert f'<option value="{noise.name}">' in form.read_text(encoding="utf-8")


@pytest.mark.parametrize("n_rows", [1, 2, 40])
def test_a_swapped_value_is_one_of_another_row_in_its_column(n_rows: int) -> None:
    rows = torch.arange(n_rows * 6, dtype=torch.float64).reshape(n_rows, 6)  # no value twice
    key = NoiseKey(5, Stream.CORRUPTION)
    x_tilde, drawn = corrupt(rows, SwapNoise(0.5), key, np.arange(n_rows))
    assert drawn is not None
    assert (x_tilde % 6 == torch.arange(6)).all()  # of the same column
    assert drawn.any()
    assert ((x_tilde != rows) == (drawn & (n_rows > 1))).all()
    if n_rows == 40:
        givers = (x_tilde[drawn] // 6).long()
        assert len(givers.unique()) > 30
        assert 0.4 < float(drawn.double().mean()) < 0.6


@pytest.mark.parametrize("form", ["tensor", "mapped", "sparse", "through"])
def test_donors_give_the_values_that_are_asked_for(form: str, tmp_path: Path) -> None:
    x = np.random.default_rng(1).random((5000, 3)).astype(np.float32)
    like = torch.zeros(1)
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    mapped[:] = x
    sources: dict[str, RowSource] = {
        "tensor": TensorRows(torch.from_numpy(x)),
        "mapped": MappedRows(mapped, like),
        "sparse": SparseRows(sparse.csr_array(x), like),
        "through": TensorRows(torch.from_numpy(x)),
    }
    donors = RowDonors(sources[form], (lambda r: 2 * r) if form == "through" else None)
    numbers = np.random.default_rng(2).integers(0, 5000, size=(4000, 3))
    expected = x[numbers, np.arange(3)] * (2 if form == "through" else 1)
    assert donors.values(torch.from_numpy(numbers)).numpy().tobytes() == expected.tobytes()
    assert len(donors) == 5000


# -- optimisers and engines -----------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("optimizer", Optimizer)
def test_an_optimiser_keeps_what_its_entry_says(optimizer: Optimizer, momentum: float) -> None:
    config = PretrainingConfig(optimizer=optimizer, momentum=momentum)
    weight, bias = (torch.nn.Parameter(torch.ones(shape)) for shape in ((2, 3), (3,)))
    groups = [{"params": [weight]}, {"params": [bias]}]
    made = optimizer.facts.make(groups, config, "cpu")
    (weight.sum() + bias.sum()).backward()
    made.step()
    for parameter in (weight, bias):
        assert set(made.state.get(parameter, {})) == optimizer.facts.state(config)


def test_every_engine_says_what_it_lacks() -> None:
    assert ("auto", *support.ENGINES) == ENGINES


def test_swapped_codes_are_the_same_wherever_codes_are_kept() -> None:
    x = np.random.default_rng(4).random((60, 8)).astype(np.float32)
    stacks = []
    for codes in ("memory", "memmap", "recompute"):
        stack = StackedDenoisingAutoencoder(8, (6, 5), corruption_levels="swap:0.3", seed=2)
        pretrain(stack, x, epochs=2, batch_size=10, learning_rate=0.1, codes=codes)
        stacks.append([parameter.detach() for parameter in stack.parameters()])
    for others in stacks[1:]:
        for one, other in zip(stacks[0], others, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_steps_of_the_tutorial_swap_codes_of_other_rows() -> None:
    x = np.random.default_rng(4).random((60, 8)).astype(np.float32)
    stack = StackedDenoisingAutoencoder(8, (6, 5), corruption_levels="swap:0.3", seed=2)
    steps = stack.pretraining_functions(x, batch_size=10, optimizer="adam")
    before = [parameter.detach().clone() for parameter in stack.autoencoder(0).parameters()]
    assert np.isfinite(steps[1](0, corruption=0.5, lr=0.1))
    for parameter, old in zip(stack.autoencoder(0).parameters(), before, strict=True):
        assert parameter.grad is None  # donors are data, though they come through this layer
        assert parameter.equal(old)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"corruption_levels": "swap:0.3"}, "the noise swap:0.3"),
        ({"activation": "gelu"}, "the activation gelu"),
    ],
)
def test_a_fused_engine_that_is_asked_for_says_which_kernel_is_missing(
    given: dict[str, Any], missing: str
) -> None:
    x = np.random.default_rng(4).random((20, 8)).astype(np.float32)
    stack = StackedDenoisingAutoencoder(8, (6,), **given)
    with pytest.raises(InvalidParameterError, match=f"it has no kernel for {missing}"):
        pretrain(stack, x, epochs=1, engine="fused")
    assert pretrain(stack, x, epochs=1).records[0].engine == "compiled"  # it has both
