"""The kernel of inference against PyTorch in float64, and that no row depends on the others."""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from sdae import StackedDenoisingAutoencoder
from sdae.core import compiled_pass, in_blocks, inference
from sdae.core.compiled_pass import Dense, applied, is_served
from sdae.core.inference import all_codes, codes, decoded, errors, outputs, rebuilt
from sdae.core.kinds.activations import Activation
from sdae.core.preprocessing import FARTHEST, Scaling, fit_scaling, network_rows
from tests.core.stacks import randomised
from tests.core.values import REPEATABLE

pytest.importorskip("numba")
Stack = StackedDenoisingAutoencoder
Matrix = NDArray[np.float32]
Answer = Callable[[Stack, Any, Scaling | None], Matrix]

SERVED = [each for each in Activation if each.facts.number is not None]
ANSWERS: dict[str, Answer] = {
    "outputs": outputs,
    "codes": codes,
    "first codes": lambda stack, x, scaling: codes(stack, x, scaling, 1),
    "all codes": all_codes,
    "rebuilt": rebuilt,
    "errors": errors,
}
WIDTHS = st.sampled_from([1, 2, 3, 7, 8, 15, 16, 17, 33, 47, 48, 49, 64, 97, 100])


@pytest.fixture(autouse=True)
def _threads_afterwards() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def exact(name: str, stack: Stack, x: Any, scaling: Scaling | None) -> NDArray[np.float64]:
    """Return the answers of PyTorch, in float64, from the rows as the network takes them."""
    values = x.toarray() if sparse.issparse(x) else x
    h = torch.from_numpy(network_rows(values, scaling).astype(np.float64))
    first, each = h, []
    for layer in range(stack.n_layers):
        one = stack.autoencoder(layer)
        h = h @ one.weight.detach().double().t() + one.hidden_bias.detach().double()
        h = one.activation.facts.function(h)
        each.append(h)
    if name == "all codes":
        return torch.cat(each, dim=1).numpy()
    if name.endswith("codes"):
        return each[0 if name == "first codes" else -1].numpy()
    if name == "outputs":
        head = stack.head
        return (h @ head.weight.detach().double().t() + head.bias.detach().double()).numpy()
    for layer in reversed(range(stack.n_layers)):
        one = stack.autoencoder(layer)
        weight = one.weight.t() if one.tied else one.decoder_weight
        h = h @ weight.detach().double().t() + one.visible_bias.detach().double()
        h = one.decoder.facts.output.facts.function(h)
    return (h if name == "rebuilt" else (first - h).square()).numpy()


def a_stack(
    n_columns: int, sizes: tuple[int, ...], seed: int = 0, **options: Any
) -> StackedDenoisingAutoencoder:
    """Return a stack whose sums are about as large as its inputs."""
    stack = Stack(n_columns, sizes, 3, **options)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in stack.parameters():
            spread = 1 / np.sqrt(parameter.shape[-1])
            parameter.copy_(torch.from_numpy(rng.normal(0, spread, parameter.shape)))
    return stack


class _Elsewhere(torch.Tensor):
    """A tensor whose numbers may not be where it says."""


def data(n_rows: int, n_columns: int, kind: str) -> Any:
    rng = np.random.default_rng(n_rows)
    x = rng.normal(scale=2, size=(n_rows, n_columns))
    if kind == "sparse":
        return sparse.csr_array(np.where(rng.random(x.shape) < 0.8, 0, x))
    if kind == "columns":
        return np.asfortranarray(x)
    if kind == "every other":
        return np.repeat(x, 2, axis=0).astype(np.float32)[::2]
    return x.astype(kind)


@settings(REPEATABLE, max_examples=80)
@given(
    name=st.sampled_from(sorted(ANSWERS)),
    n_rows=st.sampled_from([0, 1, 2, 3, 4, 5, 8, 9, 31, 100, 300]),
    n_columns=WIDTHS,
    sizes=st.lists(WIDTHS, min_size=1, max_size=3).map(tuple),
    activation=st.sampled_from(SERVED),
    decoder=st.sampled_from(["sigmoid", "linear"]),
    tied=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    kind=st.sampled_from(["float64", "float32", "columns", "every other", "sparse", "int32"]),
    scaled=st.booleans(),
    seed=st.integers(0, 9),
)
def test_answers_are_those_of_float64_and_no_row_depends_on_others(
    name: str,
    n_rows: int,
    n_columns: int,
    sizes: tuple[int, ...],
    activation: Activation,
    decoder: str,
    tied: bool,
    dtype: torch.dtype,
    kind: str,
    scaled: bool,
    seed: int,
) -> None:
    stack = a_stack(
        n_columns, sizes, seed, activation=activation, decoder=decoder, tied=tied, dtype=dtype
    )
    answer, x = ANSWERS[name], data(n_rows, n_columns, kind)
    sample = np.random.default_rng(1).normal(1, 2, (50, n_columns)).astype(np.float32)
    scaling = fit_scaling(sample, "standard") if scaled else None
    found, wanted = answer(stack, x, scaling), exact(name, stack, x, scaling)
    assert found.dtype == np.float32
    assert found.shape == wanted.shape
    tolerance = 2e-6 if dtype is torch.float32 else 2e-7
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    assert np.abs(found - wanted).max(initial=0) <= tolerance * scale
    order = np.random.default_rng(2).permutation(n_rows)
    assert answer(stack, x[order], scaling).tobytes() == found[order].tobytes()
    for some in (slice(0, 1), slice(n_rows // 3, n_rows // 3 + 3), slice(n_rows // 2, n_rows)):
        assert answer(stack, x[some], scaling).tobytes() == found[some].tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("numbers", [1, 1 << 12, 1 << 20])
def test_blocks_of_any_size_and_parts_of_the_rows_give_the_same_bytes(
    numbers: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = a_stack(203, (130, 40), dtype=dtype, tied=False)
    x = data(700, 203, "columns")
    before = {name: answer(stack, x, None).tobytes() for name, answer in ANSWERS.items()}
    monkeypatch.setattr(compiled_pass, "_NUMBERS_OF_A_BLOCK", numbers)
    monkeypatch.setattr(compiled_pass, "_MOST_NUMBERS", 64 * numbers)
    monkeypatch.setattr(inference, "_MOST_NUMBERS", 16 * numbers)
    assert before == {name: answer(stack, x, None).tobytes() for name, answer in ANSWERS.items()}


@pytest.mark.parametrize("few", [0, 1, 1 << 40])
def test_weights_as_they_lie_and_repacked_ones_give_the_same_bytes(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for activation in SERVED:
        stack = a_stack(61, (50, 13), activation=activation)
        x = data(77, 61, "float32")
        expected = {name: answer(stack, x, None).tobytes() for name, answer in ANSWERS.items()}
        with monkeypatch.context() as patched:
            patched.setattr(compiled_pass, "_FEW_ROWS", few)
            for name, answer in ANSWERS.items():
                assert answer(stack, x, None).tobytes() == expected[name]


def test_any_number_of_threads_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    stack, x = a_stack(40, (300, 30)), data(1_001, 40, "float64")
    one = outputs(stack, x, None, 1).tobytes()
    ranks = []
    monkeypatch.setattr(compiled_pass, "FEW_PRODUCTS", 1)
    from sdae.core.kernels import team

    run = team.Team.run

    def watched(self: team.Team, task: team.Task) -> None:
        ranks.append(self.n_threads)
        run(self, task)

    monkeypatch.setattr(team.Team, "run", watched)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for n_threads in (2, 3, 7):
        assert outputs(stack, x, None, n_threads).tobytes() == one
    assert ranks == [2, 3, 4]  # of 256 rows at least


def test_two_threads_may_ask_at_once() -> None:
    stack, x = a_stack(40, (300, 30)), data(500, 40, "float32")
    expected = rebuilt(stack, x).tobytes()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: rebuilt(stack, x).tobytes(), range(40)))
    assert set(found) == {expected}


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
)
def test_a_forked_child_answers_the_same() -> None:
    stack, x = a_stack(40, (300, 30)), data(5_000, 40, "float32")
    torch.set_num_threads(2)
    expected = outputs(stack, x).tobytes()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(0 if outputs(stack, x).tobytes() == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_parameters_are_read_anew_at_each_call() -> None:
    stack, x = a_stack(9, (20, 6)), data(50, 9, "float32")
    before = {name: answer(stack, x, None) for name, answer in ANSWERS.items()}
    changes: list[Callable[[], object]] = [
        lambda: stack.autoencoder(0).weight.data.add_(0.1),
        lambda: stack.load_state_dict(a_stack(9, (20, 6), seed=3).state_dict()),
        lambda: randomised(stack),
        lambda: setattr(stack.head, "bias", torch.nn.Parameter(torch.ones(3))),
    ]
    for change in changes:
        change()
        for name, answer in ANSWERS.items():
            found, alone = answer(stack, x, None), answer(stack, x[:1], None)
            wanted = exact(name, stack, x, None)
            assert np.abs(found - wanted).max() <= 2e-6 * max(1, np.abs(wanted).max())
            assert alone.tobytes() == found[:1].tobytes()
        assert outputs(stack, x).tobytes() != before["outputs"].tobytes()
        before["outputs"] = outputs(stack, x)


def test_codes_are_carried_down_row_by_row_the_same() -> None:
    stack = a_stack(9, (20, 6), activation="tanh", decoder=("sigmoid", "linear"))
    h = data(300, 6, "float32")
    found = decoded(stack, h, 2)
    wanted = stack.double().decode(h.astype(np.float64)).detach().numpy()
    assert found == pytest.approx(wanted, abs=2e-6)
    stack.float()
    assert np.concatenate([decoded(stack, row[None], 2) for row in h]).tobytes() == found.tobytes()


def test_far_rows_are_clipped_and_stay_finite() -> None:
    stack = a_stack(4, (5,), activation="identity")
    x = np.array([[1e300, -1e300, 0, 1], [FARTHEST, -FARTHEST, 0, 1], [3e38, -1e20, 0, 1]])
    found = codes(stack, x)
    assert np.isfinite(found).all()
    assert (found == found[0]).all()
    scaling = Scaling("standard", np.full(4, 1e308), np.full(4, 1e-3))
    assert np.isfinite(codes(stack, -x, scaling)).all()


@pytest.mark.parametrize("value", [1e300, 1e-30])
def test_errors_beyond_float32_are_no_concern_of_numpys(value: float) -> None:
    stack = a_stack(4, (5,), activation="identity", decoder="linear")
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.mul_(20.0 * (parameter.ndim == 2))
    with np.errstate(all="raise"):
        found = errors(stack, np.full((3, 4), value))
    assert np.isin(found, [0, np.inf]).any()


@pytest.mark.parametrize("n_columns", [4, 400])
def test_a_row_that_is_not_a_number_does_not_touch_the_others(n_columns: int) -> None:
    stack, x = a_stack(n_columns, (5,)), data(20, n_columns, "float32")
    expected = outputs(stack, x)
    x[7] = np.nan
    found = outputs(stack, x)
    assert np.isnan(found[7]).all()
    rest = np.arange(20) != 7
    assert found[rest].tobytes() == expected[rest].tobytes()


def test_rows_and_weights_are_left_as_they_are() -> None:
    stack, x = a_stack(9, (20, 6)), data(50, 9, "float32")
    x.flags.writeable = False
    before = [parameter.clone() for parameter in stack.parameters()]
    kept = x.copy()
    for answer in ANSWERS.values():
        answer(stack, x, fit_scaling(kept, "standard"))
    assert np.array_equal(x, kept)
    assert all(map(torch.equal, before, stack.parameters()))


def test_rows_of_other_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="must be of 9 columns"):
        outputs(a_stack(9, (5,)), np.zeros((2, 8), np.float32))


def test_weights_that_do_not_lie_in_order_are_put_in_order() -> None:
    weight, bias = torch.randn(7, 5).t(), torch.randn(10)[::2]
    x = data(30, 7, "float32")
    layers = [Dense(weight, bias, Activation.IDENTITY)]
    assert is_served(layers)
    wanted = x.astype(float) @ weight.double().t().numpy() + bias.double().numpy()
    for n in (1, 30):
        assert applied(layers, x[:n], None, None) == pytest.approx(wanted[:n], abs=1e-5)


def test_a_parameter_that_is_the_negative_of_its_memory_is_read_right() -> None:
    stack, x = Stack(4, (5,), n_targets=1), np.ones((3, 4))
    imaginary = torch.complex(torch.zeros(1), torch.tensor([-3.0])).conj().imag
    assert imaginary.is_neg()
    with torch.no_grad():
        stack.head.weight.zero_()
    stack.head.bias = torch.nn.Parameter(imaginary)
    assert (outputs(stack, x) == 3).all()


def test_what_the_kernel_does_not_know_is_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    bias, identity = torch.zeros(3), Activation.IDENTITY
    assert is_served([Dense(torch.zeros(3, 4), bias, identity)])
    assert is_served([Dense(torch.zeros(4, 3), bias, identity, transposed=True)])
    new: Any = SimpleNamespace(facts=SimpleNamespace(number=None))
    unserved = [
        [Dense(torch.zeros(3, 4), bias, new)],
        [Dense(torch.zeros(3, 4).half(), bias.half(), identity)],
        [Dense(torch.zeros(3, 4), bias.double(), identity)],
        [Dense(torch.zeros(3, 4, device="meta"), bias, identity)],
        [Dense(torch.zeros(4, 3), bias, identity)],
        [Dense(torch.zeros(3, 4).to_sparse(), bias, identity)],
        [Dense(torch.zeros(3, 4).as_subclass(_Elsewhere), bias, identity)],
        [Dense(torch.zeros(3, 4), bias, identity)] * 2,
    ]
    assert not any(map(is_served, unserved))
    monkeypatch.setattr(compiled_pass, "_fault", lambda: "numba is not installed")
    stack, x = a_stack(9, (20, 6)), data(50, 9, "float32")
    for name, answer in ANSWERS.items():
        assert answer(stack, x, None) == pytest.approx(exact(name, stack, x, None), abs=2e-5)
    plain = in_blocks.in_blocks(lambda rows: in_blocks.outputs(stack, rows), x, None, stack)
    assert outputs(stack, x).tobytes() == plain.tobytes()


def test_compiling_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from sdae.core.kernels import compiling

    stack, x = a_stack(9, (5,)), data(2, 9, "float32")
    with caplog.at_level(logging.WARNING, "sdae"):
        outputs(stack, x)
        caplog.clear()
        outputs(stack, x)
        assert not caplog.records
        monkeypatch.setattr(compiling, "is_cold", lambda _: True)
        outputs(stack, x)
    assert [record.message for record in caplog.records] == [
        "Compiling the kernels of inference, once on this machine; it takes some seconds."
    ]
