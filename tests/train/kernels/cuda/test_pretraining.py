"""The kernel of the autoencoder, emulated, against the equations in float64."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder
from sdae.core.errors import DeviceFaultError
from sdae.core.minibatches import minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import TensorRows
from sdae.train.engines.cuda_pretraining import CudaPretraining
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import slices
from sdae.train.kernels.cuda.plans import Chip
from tests.train.engines.engines import rows
from tests.train.kernels.cuda.emulated import EmulatedDevice, needs_compiler
from tests.train.reference import Corruption, Layer

pytestmark = needs_compiler
SEED, EPOCH = 9, 3


@dataclass(frozen=True)
class Case:
    """An autoencoder and the number of multiprocessors that train it."""

    n_visible: int
    n_hidden: int
    n_multiprocessors: int = 5
    activation: str = "sigmoid"
    decoder: str = "sigmoid"
    noise: str = "masking:0.3"
    emphasis: str | None = None
    rate: float = 0.05
    shared_bytes: int = 200_000

    def stack(self) -> StackedDenoisingAutoencoder:
        return StackedDenoisingAutoencoder(
            self.n_visible,
            (self.n_hidden,),
            activation=self.activation,
            decoder=self.decoder,
            corruption_levels=self.noise,
            emphasis=self.emphasis,
            seed=3,
        )

    def device(self, seed: int = 0) -> EmulatedDevice:
        return EmulatedDevice(Chip((9, 0), self.n_multiprocessors, self.shared_bytes), seed)


CASES = [
    Case(19, 7),
    Case(1, 1),
    Case(5, 1, activation="tanh", decoder="linear"),
    Case(4, 4, 1, noise="salt_and_pepper:0.4:low=-1"),
    Case(33, 37, 3, activation="relu", decoder="linear", rate=0.005),
    Case(64, 20, activation="tanh", noise="masking:0", rate=0.02),
    Case(70, 39, 1, decoder="linear", noise="salt_and_pepper:0.2", emphasis="double", rate=0.005),
    Case(131, 26, 7, activation="relu", emphasis="full", rate=0.01),
    Case(257, 130, 3),
    Case(1029, 9, 2, activation="tanh", rate=0.02),
]


def _order(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).permutation(n)


def _trained(
    case: Case, n: int, seed: int = 0, slice_samples: int = 30
) -> tuple[bytes, list[float]]:
    """Train on n rows in a random order; return the bytes of the parameters, and costs."""
    stack = case.stack()
    _, costs = _train(stack, case, n, seed, slice_samples)
    return _bytes(stack), costs


def _train(
    stack: StackedDenoisingAutoencoder, case: Case, n: int, seed: int, slice_samples: int
) -> tuple[CudaPretraining, list[float]]:
    x = rows(n, case.n_visible, torch.float32)
    one = stack.autoencoder(0)
    engine = CudaPretraining(
        one, TensorRows(torch.from_numpy(x)), one.corruption, SEED, case.device(seed)
    )
    parts = slices(minibatches(n, 1, order=_order(n)), slice_samples)
    return engine, [float(engine.train(part, EPOCH, case.rate)) for part, _ in parts]


def _bytes(stack: StackedDenoisingAutoencoder) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in stack.autoencoder(0).parameters())


def _layer(stack: StackedDenoisingAutoencoder, case: Case) -> Layer:
    """Return the layer in float64, as the equations have it."""
    one = stack.autoencoder(0)
    kind, level, *options = case.noise.split(":")
    low = float(options[0].partition("=")[2]) if options else 0.0
    emphasis = one.emphasis
    weight, hidden_bias, visible_bias = (
        array.detach().numpy().astype(np.float64)
        for array in (one.weight, one.hidden_bias, one.visible_bias)
    )
    return Layer(
        weight,
        hidden_bias,
        visible_bias,
        None,
        case.activation,
        case.decoder,
        Corruption(kind, float(level), low),
        None if emphasis is None else (emphasis.alpha, emphasis.beta),
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fifty_steps_agree_with_the_equations(case: Case) -> None:
    n = 50
    stack = case.stack()
    layer = _layer(stack, case)
    _, costs = _train(stack, case, n, 0, 30)
    x = rows(n, case.n_visible, torch.float32).astype(np.float64)
    key = NoiseKey(SEED, Stream.CORRUPTION, 0, EPOCH)
    losses = [
        layer.step(x[s], *layer.corruption.apply(x[s], key, s), float(np.float32(case.rate)))[0]
        for s in _order(n)[:, None]
    ]
    assert costs == pytest.approx([sum(losses[:30]), sum(losses[30:])], rel=1e-6)
    one = stack.autoencoder(0)
    _agree(one.weight, layer.weight)
    _agree(one.hidden_bias, layer.hidden_bias)
    _agree(one.visible_bias, layer.visible_bias)


def _agree(ours: torch.Tensor, theirs: NDArray[np.float64]) -> None:
    difference = np.abs(ours.detach().numpy() - theirs).max()
    assert difference <= 1e-5 * np.abs(theirs).max()


@pytest.mark.parametrize("case", [CASES[0], CASES[6], CASES[8]], ids=str)
def test_the_bytes_do_not_depend_on_the_order_of_blocks_and_warps(case: Case) -> None:
    results = [_trained(case, 40, seed) for seed in range(4)]
    assert all(result == results[0] for result in results)


def test_a_new_engine_continues_where_another_stopped_with_the_same_bytes() -> None:
    case, n = CASES[0], 60
    unbroken, _ = _trained(case, n, slice_samples=20)
    stack = case.stack()
    x = rows(n, case.n_visible, torch.float32)
    one = stack.autoencoder(0)
    for part, _ in slices(minibatches(n, 1, order=_order(n)), 20):
        engine = CudaPretraining(
            one, TensorRows(torch.from_numpy(x)), one.corruption, SEED, case.device(7)
        )
        engine.restore(engine.state())
        engine.train(part, EPOCH, case.rate)
        engine.close()
    assert _bytes(stack) == unbroken


def test_what_is_not_finite_is_named_and_not_kept() -> None:
    case = Case(19, 7, activation="relu", decoder="linear")
    stack = case.stack()
    x = rows(30, 19, torch.float32)
    x[17] = np.nan
    one = stack.autoencoder(0)
    engine = CudaPretraining(
        one, TensorRows(torch.from_numpy(x)), one.corruption, SEED, case.device()
    )
    before = _bytes(stack)
    with pytest.raises(NotFiniteError) as caught:
        engine.train(minibatches(30, 1), EPOCH, 0.01)
    assert (caught.value.what, caught.value.sample) == ("The cost", 17)
    with pytest.raises(NotFiniteError) as caught:
        engine.train(minibatches(30, 1)[7:8], EPOCH, float("inf"))
    assert (caught.value.what, caught.value.sample) == ("A parameter", 7)
    assert _bytes(stack) == before


def test_a_block_that_is_missing_ends_in_an_error_and_changes_nothing() -> None:
    case = CASES[0]
    stack = case.stack()
    x = torch.from_numpy(rows(30, 19, torch.float32))
    one = stack.autoencoder(0)
    device = EmulatedDevice(patience=10_000, n_missing=1)
    engine = CudaPretraining(one, TensorRows(x), one.corruption, SEED, device)
    before = _bytes(stack)
    with pytest.raises(DeviceFaultError, match=r"waited in vain for others \(place [12]\)"):
        engine.train(minibatches(30, 1), EPOCH, 0.01)
    assert _bytes(stack) == before


def test_the_engine_says_whether_it_will_compile() -> None:
    case = CASES[0]
    stack = case.stack()
    one = stack.autoencoder(0)
    x = torch.from_numpy(rows(5, 19, torch.float32))
    engine = CudaPretraining(one, TensorRows(x), one.corruption, SEED, case.device())
    before = engine.compiles
    engine.train(minibatches(5, 1), 1, 0.01)
    assert (before, engine.compiles) == (True, False)
    assert engine.slice_samples == 8192
    assert engine.name == "fused"
