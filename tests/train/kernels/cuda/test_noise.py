"""Noise and dropout of the CUDA kernels: the same numbers as NumPy's, to the byte."""

import ctypes
import functools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae.core.corruption import corrupt, parse_noise
from sdae.core.donors import RowDonors
from sdae.core.randomness import NoiseKey, Stream, hash_key, random_bits, threshold
from sdae.core.rows import TensorRows
from sdae.train.kernels.cuda.plans import Chip, autoencoder_program
from tests.train.engines.engines import rows
from tests.train.kernels.cuda.emulated import compiled, needs_compiler

pytestmark = needs_compiler
KEY = NoiseKey((1 << 64) - 3, Stream.CORRUPTION, 2, 77)
N = 23
DRAW = """
extern "C" void draw(int kind, const float* x, float* out, float* weights, float* stay, int n_rows,
                     const long long* samples, Bits key, Bits limit, float low, float high) {
  const Noise noise = {key, limit, low, high};
  const Dropout dropout = {limit, 1.f};
  for (int row = 0; row < n_rows; row++) for (int quad = 0; quad < ceil_of(VISIBLE, 4); quad++) {
    const int at = row * padded(VISIBLE) + 4 * quad;
    const float4 v = {x[at], x[at + 1], x[at + 2], x[at + 3]};
    const Bits hash = row_hash(key, samples[row]);
    const float4 four[3] = {
      kind == MASKING ? corrupted<MASKING, VISIBLE>(v, hash, quad, noise)
                      : corrupted<SALT_AND_PEPPER, VISIBLE>(v, hash, quad, noise),
      kind == MASKING ? chosen<MASKING>(hash, quad, noise, 2.f, 1.f)
                      : chosen<SALT_AND_PEPPER>(hash, quad, noise, 2.f, 1.f),
      stays(hash, quad, dropout)};
    memcpy(out + at, four, 16);
    memcpy(weights + at, four + 1, 16);
    for (int i = 0; i < 4; i++) {
      stay[at + i] = stays(bits_of(hash, 4 * quad + i), dropout);
      if (stay[at + i] != (&four[2].x)[i]) stay[at + i] = -1.f;
    }
  }
}
extern "C" void emulated_kernel(void**) {}
"""


@functools.cache
def _library() -> ctypes.CDLL:
    program = autoencoder_program(Chip((9, 0), 1, 200_000), N, 1, 0, 0, 0)
    return compiled(program.source + DRAW, program.macros)


def _drawn(
    noise: str, x: NDArray[np.float32], samples: NDArray[np.int64]
) -> tuple[NDArray[np.float32], ...]:
    """Return x_tilde, weights of 2 for what is drawn, and what dropout of that limit keeps."""
    kind, limit, low, high = parse_noise(noise).kernel_arguments(N)  # type: ignore[misc]
    wide = np.zeros((len(x), N + 1), np.float32)
    wide[:, :N] = x
    results = tuple(np.full(wide.shape, np.nan, np.float32) for _ in range(3))
    _library().draw(
        ctypes.c_int(kind),
        *(ctypes.c_void_p(array.ctypes.data) for array in (wide, *results)),
        ctypes.c_int(len(x)),
        ctypes.c_void_p(samples.ctypes.data),
        ctypes.c_uint64(hash_key(KEY)),
        ctypes.c_uint64(int(limit)),
        ctypes.c_float(low),
        ctypes.c_float(high),
    )
    return tuple(result[:, :N] for result in results)


@pytest.mark.parametrize("level", [0.0, 0.001, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper"])
def test_noise_is_numpys_to_the_byte(kind: str, level: float) -> None:
    samples = np.array([5, 0, 1 << 40, 5, 60_000, (1 << 62) + 1])
    noise = f"{kind}:{level}" + (":low=-0.25:high=3" if kind == "salt_and_pepper" else "")
    x = rows(len(samples), N, torch.float32)
    tensor = torch.from_numpy(x)
    theirs = corrupt(tensor, parse_noise(noise), KEY, samples, RowDonors(TensorRows(tensor)))
    x_tilde, weights, _ = _drawn(noise, x, samples)
    assert x_tilde.tobytes() == theirs.x_tilde.numpy().tobytes()
    drawn = np.zeros(x.shape, bool) if theirs.drawn is None else theirs.drawn.numpy()
    assert ((weights == 2) == drawn).all()
    assert np.isin(weights, [1, 2]).all()


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9])
def test_dropout_keeps_what_numpy_keeps(level: float) -> None:
    samples = np.array([3, 9, 1 << 33])
    x = rows(len(samples), N, torch.float32)
    *_, stay = _drawn(f"masking:{level}", x, samples)
    kept = random_bits(KEY, samples, N) >= np.uint64(threshold(level))
    assert (stay == kept).all()
