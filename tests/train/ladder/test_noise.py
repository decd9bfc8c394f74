"""The noise of ladders: a function of its place, the same in NumPy and compiled."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.core.kernels.compiling import kernel
from sdae.core.randomness import NoiseKey, Stream, row_hashes, standard_normal
from sdae.train.kernels.ladder import up
from sdae.train.kernels.ladder.normal import _minus_log
from sdae.train.ladder.plan import noise_of, noise_starts


@kernel
def _minus_logs(bits: NDArray[np.uint32], out: NDArray[np.float32]) -> None:
    for i in range(len(bits)):
        out[i] = _minus_log(bits[i])


@pytest.mark.parametrize("n_units", [1, 2, 7, 64])
def test_compiled_noise_is_that_of_numpy(n_units: int) -> None:
    key, samples = NoiseKey(5, Stream.LADDER_LABELLED, 2, 3), np.arange(0, 900, 3)
    h = np.zeros((n_units, len(samples)), np.float32)
    x = np.zeros_like(h)
    up.add_noise(x, row_hashes(key, samples), np.float32(1), 0, h)

    np.testing.assert_allclose(h.T, standard_normal(key, samples, n_units), rtol=2e-6, atol=1e-6)


def test_parts_of_a_layer_draw_their_own_noise() -> None:
    samples, n_units = np.arange(30), 50
    starts = row_hashes(NoiseKey(5, Stream.LADDER_LABELLED), samples)
    whole, parts = np.zeros((2, n_units, 30), np.float32)
    up.add_noise(np.zeros((n_units, 30), np.float32), starts, np.float32(1), 0, whole)
    for first, last in ((0, 16), (16, 48), (48, 50)):
        up.add_noise(np.zeros((last - first, 30), np.float32), starts, np.float32(1), first, parts)

    assert np.array_equal(whole, parts)


def test_the_logarithm_is_exact_at_both_ends() -> None:
    random = np.random.default_rng(0).integers(1 << 32, size=5000)
    ends = [0, 1, 2, 3, 0xFFFFFFFF, 0xFFFFFFFE, 0xBFFFFFFF, 0xC0000000, 0x80000000]
    bits = np.array([*ends, *random], np.uint32)
    out = np.empty(len(bits), np.float32)
    _minus_logs(bits, out)

    np.testing.assert_allclose(out, -np.log((bits + 0.5) * 2.0**-32), rtol=5e-7)


def test_noise_depends_on_pass_depth_and_sample_alone() -> None:
    samples, passes = np.array([4, 1, 4, 9]), np.array([1, 1, 2, 2])
    noise = noise_of(7, Stream.LADDER_LABELLED, (3, 5), samples, passes)
    alone = noise_of(7, Stream.LADDER_LABELLED, (3, 5), samples[2:3], passes[2:3])

    assert [each.shape for each in noise] == [(4, 3), (4, 5)]
    assert np.array_equal(noise[1][2], alone[1][0])
    assert not np.array_equal(noise[0][0], noise[0][2])  # the same row in another pass
    other = noise_of(7, Stream.LADDER_UNLABELLED, (3, 5), samples, passes)
    assert not np.array_equal(noise[0], other[0])
    starts = noise_starts(7, Stream.LADDER_LABELLED, 1, samples, passes)
    key = NoiseKey(7, Stream.LADDER_LABELLED, 1, 2)
    assert starts[3] == row_hashes(key, np.array([9]))[0]
