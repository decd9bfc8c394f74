"""PyTorch draws on a device what NumPy draws: bits to the byte, normal values to rounding."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.blocks import BlockLayout
from sdae.core.corruption import corrupt, corrupt_by
from sdae.core.device_randomness import (
    are_below,
    random_words,
    signed,
    standard_normal_words,
    unsigned,
)
from sdae.core.donors import RowDonors
from sdae.core.kinds.draws import DeviceDraws, HostDraws
from sdae.core.kinds.noises import parse_noise
from sdae.core.randomness import NoiseKey, Stream, hash_key, random_bits, standard_normal, threshold
from sdae.core.rows import TensorRows
from tests.core.test_blocks import TABLE, rows_of
from tests.core.values import REPEATABLE

keys = st.builds(
    NoiseKey,
    st.integers(0, 2**64 - 1),
    st.sampled_from(Stream),
    st.integers(0, 50),
    st.integers(0, 10**6),
)
samples_ = st.lists(st.integers(0, 2**62), min_size=1, max_size=5)


@REPEATABLE
@given(keys, samples_, st.integers(1, 9), st.booleans())
def test_bits_are_those_of_numpy(
    key: NoiseKey, samples: list[int], n: int, as_tensor: bool
) -> None:
    word = signed(hash_key(key))
    bits = random_words(torch.tensor(word) if as_tensor else word, torch.tensor(samples), n)
    expected = random_bits(key, np.array(samples), n)
    assert bits.dtype == torch.int32
    assert bits.numpy().tobytes() == expected.tobytes()
    assert (unsigned(bits).numpy() == expected).all()


@REPEATABLE
@given(keys, samples_, st.integers(1, 9))
def test_normal_values_are_those_of_numpy_to_rounding(
    key: NoiseKey, samples: list[int], n: int
) -> None:
    found = standard_normal_words(signed(hash_key(key)), torch.tensor(samples), n)
    expected = standard_normal(key, np.array(samples), n)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=1e-15)


@REPEATABLE
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8), st.integers(0, 2**32))
def test_comparisons_are_those_of_words_without_a_sign(words: list[int], limit: int) -> None:
    bits = torch.from_numpy(np.array(words, np.uint32).view(np.int32))
    assert are_below(bits, limit).tolist() == [word < limit for word in words]


def test_the_ends_of_all_words_are_compared_rightly() -> None:
    words = [0, 1, 2**31 - 1, 2**31, 2**32 - 1]
    bits = torch.from_numpy(np.array(words, np.uint32).view(np.int32))
    for limit in (0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32):
        assert are_below(bits, limit).tolist() == [word < limit for word in words]


@REPEATABLE
@given(keys, samples_, st.integers(1, 9), st.floats(0, 1), st.integers(1, 2**40))
def test_all_that_noises_draw_is_the_same(
    key: NoiseKey, samples: list[int], n: int, level: float, n_numbers: int
) -> None:
    host = HostDraws(key, np.array(samples))
    device = DeviceDraws.of(key, np.array(samples), torch.device("cpu"))
    limit, n_numbers = threshold(level), min(n_numbers, 2**31 - 1)
    assert torch.equal(host.below(n, limit), device.below(n, limit))
    count = round(level * n)
    assert torch.equal(host.exactly(n, count), device.exactly(n, count))
    assert int(device.exactly(n, count).sum()) == count * len(samples)
    for one, other in zip(
        (*host.below_with_coins(n, limit >> 1), *host.below_with_numbers(n, limit, n_numbers)),
        (*device.below_with_coins(n, limit >> 1), *device.below_with_numbers(n, limit, n_numbers)),
        strict=True,
    ):
        assert torch.equal(one, other)
    assert torch.equal(host.samples, device.samples)


NOISES = (
    "masking:0.3",
    "masking:1.0",
    "masking:0.25:exact",
    "salt_and_pepper:0.3:low=-1",
    "salt_and_pepper:1.0",
    "gaussian:0.2",
    "swap:0.3",
)


@pytest.mark.parametrize("of_table", [False, True], ids=["components", "columns"])
@pytest.mark.parametrize("text", NOISES)
def test_rows_are_corrupted_alike(text: str, of_table: bool) -> None:
    noise, key = parse_noise(text), NoiseKey(2**63 + 5, Stream.CORRUPTION, 1, 4)
    if of_table and not noise.for_tables:
        pytest.skip("this noise is not for tables")
    x = rows_of(TABLE, 200).double()
    donors, numbers = RowDonors(TensorRows(x)), np.arange(200)[::-3]
    columns = {"columns": BlockLayout(TABLE, x)} if of_table else {}
    batch = x[torch.from_numpy(numbers.copy())]
    expected = corrupt(batch, noise, key, numbers, donors, **columns)
    draws = DeviceDraws.of(key, numbers, x.device)
    found = corrupt_by(batch, noise, draws, donors, **columns)
    if noise.draws_components:
        assert torch.equal(found.x_tilde, expected.x_tilde)
        assert found.drawn is not None
        assert expected.drawn is not None
        assert torch.equal(found.drawn, expected.drawn)
        assert found.drawn.any()
    else:
        torch.testing.assert_close(found.x_tilde, expected.x_tilde, rtol=1e-14, atol=1e-14)
        assert not torch.equal(found.x_tilde, batch)
