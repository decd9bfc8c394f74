"""The compiled noise against its NumPy twin."""

from typing import Any

import numpy as np
import pytest
import torch

from sdae.core.corruption import GaussianNoise, Noise, corrupt, parse_noise
from sdae.core.randomness import NoiseKey, Stream, hash_key, random_bits, threshold
from sdae.train.kernels.fused.noise import corrupt_rows, draw_bits, draw_kept

KEY = NoiseKey(2**64 - 1, Stream.CORRUPTION, 3, 17)
SAMPLES = np.random.default_rng(0).permutation(5000)[:60].astype(np.int64)
NOISES = [
    parse_noise(text)
    for text in (
        "masking:0.3",
        "masking:1",
        "masking:0.25:exact",
        "masking:1:exact",
        "masking:0.01:exact",
        "salt_and_pepper:0.2:low=-1:high=2",
        "salt_and_pepper:1",
        "gaussian:0.3",
    )
]


@pytest.mark.parametrize("n", [1, 2, 7, 784])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_rows_are_corrupted_as_by_the_twin(noise: Noise, kind: Any, n: int) -> None:
    x = np.random.default_rng(1).random((len(SAMPLES), n)).astype(kind)
    twin = corrupt(torch.from_numpy(x), noise, KEY, SAMPLES)
    x_tilde = np.full((len(x), n + 3), 9, kind)
    drawn = np.zeros(x.shape, np.bool_)
    arguments = noise.kernel_arguments(n)
    assert arguments is not None
    flags, limit, low, high = arguments
    key = np.uint64(hash_key(KEY))
    corrupt_rows(x, SAMPLES, flags, key, limit, kind(low), kind(high), noise.level, x_tilde, drawn)
    assert (x_tilde[:, n:] == 9).all()
    if isinstance(noise, GaussianNoise):
        noise_of = x_tilde[:, :n].astype(np.float64) - x
        theirs = twin.x_tilde.numpy().astype(np.float64) - x
        # What is added may differ by 4 ulp, and by the rounding of the sum.
        ulp = np.spacing(np.maximum(np.abs(theirs), np.abs(x)).astype(kind))
        assert (np.abs(noise_of - theirs) <= 4 * ulp).all()
        assert np.abs(noise_of).max() > 0
        return
    assert x_tilde[:, :n].tobytes() == twin.x_tilde.numpy().tobytes()
    assert twin.drawn is not None
    assert drawn.tobytes() == twin.drawn.numpy().tobytes()


@pytest.mark.parametrize("n", [2, 8, 100])
def test_bits_are_those_of_the_twin(n: int) -> None:
    bits = np.zeros(n, np.uint64)
    for sample in SAMPLES[:5]:
        draw_bits(np.uint64(hash_key(KEY)), sample, bits)
        assert (bits == random_bits(KEY, np.array([sample]), n)[0]).all()


def test_dropout_keeps_what_the_twin_keeps() -> None:
    kept = np.zeros((len(SAMPLES), 40), np.bool_)
    draw_kept(SAMPLES, np.uint64(hash_key(KEY)), np.uint64(threshold(0.4)), 16, 21, kept)
    assert (kept[:, 16:37] == (random_bits(KEY, SAMPLES, 21) >= threshold(0.4))).all()
    assert not kept[:, :16].any()
    assert not kept[:, 37:].any()
