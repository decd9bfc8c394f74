"""The step functions do what the tutorial's program does, cost by cost and weight by weight."""

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.randomness import NoiseKey, Stream, random_bits, threshold
from tests.proof.tutorial import Array, Corruption, Layer, SdA

SIZES = (12, 9, 7)
N, V, C, BATCH = 40, 15, 4, 8


def _data(seed: int) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    rng = np.random.default_rng(seed)
    return rng.random((N, V)), rng.integers(C, size=N)


def _twins(dtype: torch.dtype) -> tuple[StackedDenoisingAutoencoder, SdA]:
    """Return our stack and the tutorial's with the same weights."""
    stack = StackedDenoisingAutoencoder(V, SIZES, C, (0.1, 0.2, 0.3), seed=3, dtype=dtype)
    layers = [
        Layer(
            a.weight.detach().double().numpy().T.copy(),
            a.hidden_bias.detach().double().numpy().copy(),
            a.visible_bias.detach().double().numpy().copy(),
        )
        for a in (stack.autoencoder(k) for k in range(len(SIZES)))
    ]
    return stack, SdA(layers, np.zeros((SIZES[-1], C)), np.zeros(C))


def _assert_same(stack: StackedDenoisingAutoencoder, sda: SdA, tolerance: float) -> None:
    pairs: list[tuple[torch.Tensor, Array]] = [
        pair
        for k, layer in enumerate(sda.layers)
        for pair in (
            (stack.autoencoder(k).weight, layer.W.T),
            (stack.autoencoder(k).hidden_bias, layer.b),
            (stack.autoencoder(k).visible_bias, layer.b_prime),
        )
    ]
    pairs += [(stack.head.weight, sda.W.T), (stack.head.bias, sda.b)]
    for ours, theirs in pairs:
        difference = np.abs(ours.detach().numpy() - theirs).max()
        assert difference <= tolerance * np.abs(theirs).max()


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str
)
def test_fifty_steps_of_each_stage_agree_without_corruption(
    dtype: torch.dtype, tolerance: float
) -> None:
    x, y = _data(0)
    stack, sda = _twins(dtype)
    functions = stack.pretraining_functions(x, BATCH)
    for k, function in enumerate(functions):
        for step in range(50):
            index = step % (N // BATCH)
            rows = x[index * BATCH : (index + 1) * BATCH]
            ours = function(index, corruption=0.0, lr=0.01)
            theirs = sda.pretrain(k, rows, Corruption(), 0.01)
            assert ours == pytest.approx(theirs, rel=tolerance)
    _assert_same(stack, sda, tolerance)

    train, valid_score, test_score = stack.build_finetune_functions([(x, y)] * 3, BATCH, 0.01)
    for step in range(50):
        index = step % (N // BATCH)
        chosen = slice(index * BATCH, (index + 1) * BATCH)
        theirs = sda.finetune(x[chosen], y[chosen], 0.01)
        assert train(index) == pytest.approx(theirs, rel=tolerance)
    _assert_same(stack, sda, tolerance)
    expected = [sda.errors(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, N, BATCH)]
    assert valid_score() == pytest.approx(expected)
    assert test_score() == pytest.approx(expected)


def test_a_step_corrupts_by_the_level_it_is_given() -> None:
    x, _ = _data(1)
    stack, sda = _twins(torch.float64)
    function = stack.pretraining_functions(x, BATCH, seed=7)[1]
    masks = [
        (
            random_bits(NoiseKey(7, Stream.STEP_CORRUPTION, 1, call), np.arange(BATCH), SIZES[0])
            >= threshold(0.2)
        ).astype(float)
        for call in range(3)
    ]
    assert 0 < np.mean(masks) < 1
    corruption = Corruption(masks)
    for _ in range(3):
        theirs = sda.pretrain(1, x[:BATCH], corruption, 0.1)
        assert function(0) == pytest.approx(theirs, rel=1e-10)  # corruption=0.2, lr=0.1
    _assert_same(stack, sda, 1e-10)


def test_lower_codes_come_from_the_current_weights() -> None:
    x, _ = _data(2)
    stack, sda = _twins(torch.float64)
    first, second, _ = stack.pretraining_functions(x, BATCH)
    for index in range(N // BATCH):
        rows = x[index * BATCH : (index + 1) * BATCH]
        for k, function in enumerate((first, second)):
            theirs = sda.pretrain(k, rows, Corruption(), 0.05)
            assert function(index, corruption=0.0, lr=0.05) == pytest.approx(theirs, rel=1e-10)
    _assert_same(stack, sda, 1e-10)


@pytest.mark.parametrize("index", [-1, N // BATCH])
def test_an_index_outside_the_minibatches_is_an_index_error(index: int) -> None:
    x, y = _data(0)
    stack, _ = _twins(torch.float32)
    with pytest.raises(IndexError, match=f"from 0 to 4. Got {index}"):
        stack.pretraining_functions(x, BATCH)[0](index)
    with pytest.raises(IndexError, match="from 0 to 4"):
        stack.build_finetune_functions([(x, y)] * 3, BATCH, 0.1).train(index)
