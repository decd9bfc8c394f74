"""The kernel of the network, emulated, against the equations in float64."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder
from sdae.core.errors import DeviceFaultError
from sdae.core.minibatches import minibatches
from sdae.core.randomness import NoiseKey, Stream, random_bits, threshold
from sdae.core.rows import TensorRows
from sdae.train.engines.cuda_finetuning import CudaFinetuning
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import slices
from sdae.train.kernels.cuda.plans import Chip
from sdae.train.settings import FinetuningConfig
from tests.train.engines.engines import rows
from tests.train.kernels.cuda.emulated import EmulatedDevice, needs_compiler
from tests.train.reference import ACTIVATIONS

pytestmark = needs_compiler
SEED, EPOCH, N = 9, 3, 50
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A network and the number of multiprocessors that train it."""

    sizes: tuple[int, ...]
    n_classes: int = 3
    n_multiprocessors: int = 5
    activation: str = "sigmoid"
    dropout: float = 0.0
    input_dropout: float = 0.0
    rate: float = 0.05

    def stack(self) -> StackedDenoisingAutoencoder:
        n_visible, *hidden = self.sizes
        stack = StackedDenoisingAutoencoder(
            n_visible, tuple(hidden), self.n_classes, activation=self.activation, seed=3
        )
        with torch.no_grad():  # a head of zeros would leave most of the backward pass unproved
            head = stack.head.weight
            head.copy_(torch.linspace(-0.5, 0.5, head.numel()).view_as(head))
        return stack

    def engine(self, stack: StackedDenoisingAutoencoder, seed: int = 0) -> CudaFinetuning:
        x, y = torch.from_numpy(rows(N, self.sizes[0], torch.float32)), torch.from_numpy(self.y)
        device = EmulatedDevice(Chip((9, 0), self.n_multiprocessors, 200_000), seed)
        return CudaFinetuning(stack, TensorRows(x), y, self.config, SEED, device)

    @property
    def y(self) -> NDArray[np.int64]:
        return np.random.default_rng(5).integers(self.n_classes, size=N)

    @property
    def config(self) -> FinetuningConfig:
        return FinetuningConfig(dropout=self.dropout, input_dropout=self.input_dropout)


CASES = [
    Case((19, 7, 6, 9)),
    Case((1, 1), 2),
    Case((19, 7), activation="tanh", dropout=0.5),
    Case((30, 17, 33), 12, 3, activation="relu", dropout=0.3, input_dropout=0.2, rate=0.02),
    Case((5, 3, 70, 2, 9), 40, 4, activation="tanh", dropout=0.3, rate=0.02),
    Case((12, 16, 8), 10, 2, input_dropout=0.4),
    Case((40, 66, 20, 65), 7, 2, dropout=0.2),
    Case((300, 20, 12), 4, 1, activation="relu", rate=0.01),
    Case((1030, 9, 6), 3, 2, dropout=0.1, rate=0.01),
    Case((6, 300, 5), 5, 3, activation="tanh", dropout=0.4, rate=0.01),
]


def _order() -> NDArray[np.int64]:
    return np.random.default_rng(1).permutation(N)


def _train(engine: CudaFinetuning, case: Case, slice_samples: int = 30) -> list[float]:
    parts = slices(minibatches(N, 1, order=_order()), slice_samples)
    return [float(engine.train(part, EPOCH, case.rate)) for part, _ in parts]


def _bytes(stack: StackedDenoisingAutoencoder) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in stack.mlp.parameters())


class Equations:
    """The network in float64, with dropout, gradients by hand."""

    def __init__(self, stack: StackedDenoisingAutoencoder, case: Case) -> None:
        parameters = [p.detach().numpy().astype(np.float64) for p in stack.mlp.parameters()]
        self.weights, self.biases = parameters[0::2], parameters[1::2]
        self._case = case
        self._s, self._slope = ACTIVATIONS[case.activation]

    def step(self, x: Floats, y: int, sample: int) -> float:
        """Descend once on −log p(y | x) of a row (V,); return it."""
        case, depth = self._case, len(self.weights) - 1
        inputs, slopes = [x * self._stays(sample, 0, len(x), case.input_dropout)], []
        for layer in range(depth):
            a = self.weights[layer] @ inputs[-1] + self.biases[layer]
            stays = self._stays(sample, layer + 1, len(a), case.dropout)
            inputs.append(self._s(a) * stays)
            slopes.append(self._slope(a) * stays)
        a = self.weights[depth] @ inputs[-1] + self.biases[depth]
        log_p = a - np.logaddexp.reduce(a)
        delta = np.exp(log_p) - np.eye(len(a))[y]
        rate = float(np.float32(case.rate))
        for layer in range(depth, -1, -1):
            below = delta @ self.weights[layer]
            self.weights[layer] -= rate * np.outer(delta, inputs[layer])
            self.biases[layer] -= rate * delta
            if layer > 0:
                delta = below * slopes[layer - 1]
        return -float(log_p[y])

    @staticmethod
    def _stays(sample: int, depth: int, n: int, level: float) -> Floats:
        key = NoiseKey(SEED, Stream.DROPOUT, depth, EPOCH)
        bits = random_bits(key, np.array([sample]), n)[0]
        return np.asarray((bits >= np.uint64(threshold(level))) / (1 - level))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fifty_steps_agree_with_the_equations(case: Case) -> None:
    stack = case.stack()
    equations = Equations(stack, case)
    costs = _train(case.engine(stack), case)
    x = rows(N, case.sizes[0], torch.float32).astype(np.float64)
    losses = [equations.step(x[s], int(case.y[s]), int(s)) for s in _order()]
    assert costs == pytest.approx([sum(losses[:30]), sum(losses[30:])], rel=2e-6)
    theirs = [one for pair in zip(equations.weights, equations.biases, strict=True) for one in pair]
    for ours, their in zip(stack.mlp.parameters(), theirs, strict=True):
        difference = np.abs(ours.detach().numpy() - their).max()
        assert difference <= 1e-5 * np.abs(their).max()


@pytest.mark.parametrize("case", [CASES[0], CASES[3], CASES[6]], ids=str)
def test_the_bytes_do_not_depend_on_the_order_of_blocks_and_warps(case: Case) -> None:
    results = []
    for seed in range(4):
        stack = case.stack()
        costs = _train(case.engine(stack, seed), case)
        results.append((_bytes(stack), costs))
    assert all(result == results[0] for result in results)


def test_a_new_engine_continues_where_another_stopped_with_the_same_bytes() -> None:
    case = CASES[0]
    unbroken, broken = case.stack(), case.stack()
    _train(case.engine(unbroken), case, 20)
    for part, _ in slices(minibatches(N, 1, order=_order()), 20):
        engine = case.engine(broken, 7)
        engine.restore(engine.state())
        engine.train(part, EPOCH, case.rate)
        engine.close()
    assert _bytes(broken) == _bytes(unbroken)


def test_what_is_not_finite_is_named_and_not_kept() -> None:
    case = Case((6, 5, 4), activation="relu")
    stack = case.stack()
    x = torch.from_numpy(rows(N, 6, torch.float32))
    x[17] = torch.inf
    engine = CudaFinetuning(
        stack, TensorRows(x), torch.from_numpy(case.y), case.config, SEED, EmulatedDevice()
    )
    before = _bytes(stack)
    with pytest.raises(NotFiniteError) as caught:
        engine.train(minibatches(N, 1), EPOCH, 0.01)
    assert (caught.value.what, caught.value.sample) == ("The cost", 17)
    with pytest.raises(NotFiniteError) as caught:
        engine.train(minibatches(N, 1)[7:8], EPOCH, float("inf"))
    assert (caught.value.what, caught.value.sample) == ("A parameter", 7)
    assert _bytes(stack) == before


def test_a_block_that_is_missing_ends_in_an_error_and_changes_nothing() -> None:
    case = CASES[0]
    stack = case.stack()
    x, y = torch.from_numpy(rows(N, 19, torch.float32)), torch.from_numpy(case.y)
    device = EmulatedDevice(patience=10_000, n_missing=1)
    engine = CudaFinetuning(stack, TensorRows(x), y, case.config, SEED, device)
    before = _bytes(stack)
    before_launch = engine.compiles
    with pytest.raises(DeviceFaultError, match=r"waited in vain for others \(place \d+\)"):
        engine.train(minibatches(N, 1), EPOCH, 0.01)
    assert _bytes(stack) == before
    assert (before_launch, engine.compiles) == (True, False)
