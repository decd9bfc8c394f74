"""The kernels, emulated, for random sizes, and for the tutorial's on a large chip."""

import numpy as np
import pytest

from tests.train.kernels.cuda import test_finetuning as finetuning
from tests.train.kernels.cuda import test_pretraining as pretraining
from tests.train.kernels.cuda.chips import H200
from tests.train.kernels.cuda.emulated import needs_compiler

pytestmark = [needs_compiler, pytest.mark.slow]
ACTIVATIONS = ("sigmoid", "tanh", "relu")


def _size(rng: np.random.Generator, most: int) -> int:
    """Return a size; small ones are as likely as large ones."""
    return int(np.exp(rng.uniform(0, np.log(most + 1))))


@pytest.mark.parametrize("seed", range(20))
def test_autoencoders_of_random_sizes_agree_with_the_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = pretraining.Case(
        _size(rng, 600),
        _size(rng, 90),
        _size(rng, 9),
        activation=str(rng.choice(ACTIVATIONS)),
        decoder=str(rng.choice(["sigmoid", "linear"])),
        noise=str(rng.choice(["masking:0.3", "salt_and_pepper:0.2:low=-0.5", "masking:0"])),
        emphasis=[None, "double"][rng.integers(2)],
        rate=0.002,
    )
    pretraining.test_fifty_steps_agree_with_the_equations(case)


@pytest.mark.parametrize("seed", range(20))
def test_networks_of_random_sizes_agree_with_the_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = finetuning.Case(
        tuple(_size(rng, 150) for _ in range(int(rng.integers(2, 6)))),
        2 + _size(rng, 40),
        _size(rng, 9),
        activation=str(rng.choice(ACTIVATIONS)),
        dropout=float(rng.choice([0.0, 0.25])),
        input_dropout=float(rng.choice([0.0, 0.2])),
        rate=0.01,
    )
    finetuning.test_fifty_steps_agree_with_the_equations(case)


def test_the_tutorials_autoencoder_on_all_blocks_of_a_large_chip() -> None:
    case = pretraining.Case(784, 1000, H200.n_multiprocessors, rate=0.02)
    pretraining.test_fifty_steps_agree_with_the_equations(case)


def test_the_tutorials_network_on_all_blocks_of_a_large_chip() -> None:
    case = finetuning.Case((784, 1000, 1000, 1000), 10, H200.n_multiprocessors, dropout=0.3)
    finetuning.test_fifty_steps_agree_with_the_equations(case)
