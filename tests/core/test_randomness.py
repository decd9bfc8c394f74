"""Noise is a function of key and sample: golden values, and nothing else plays a part."""

import random
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.errors import InvalidParameterError
from sdae.core.randomness import (
    NoiseKey,
    Stream,
    check_seed,
    generator,
    random_bits,
    standard_normal,
    threshold,
    visiting_order,
)
from tests.core.splitmix import bits_of_sample, normals_of_sample, splitmix64
from tests.core.values import REPEATABLE

KEY = NoiseKey(7, Stream.CORRUPTION, 2, 5)
GOLDEN = [
    [3453074418, 2234634536, 3972685399],
    [1573654752, 1076264598, 1104012934],
]  # samples 0 and 3

keys = st.builds(
    NoiseKey,
    st.integers(0, 2**64 - 1),
    st.sampled_from(Stream),
    st.integers(0, 50),
    st.integers(0, 10**6),
)


def test_the_reference_is_splitmix64_as_published() -> None:
    assert list(islice(splitmix64(1234567), 5)) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@REPEATABLE
@given(keys, st.lists(st.integers(0, 2**40), min_size=1, max_size=4), st.integers(1, 9))
def test_bits_are_those_of_the_definition(key: NoiseKey, samples: list[int], n: int) -> None:
    bits = random_bits(key, np.array(samples), n)
    assert bits.dtype == np.uint32
    assert bits.tolist() == [
        bits_of_sample(key.seed, int(key.stream), key.layer, key.epoch, sample, n)
        for sample in samples
    ]


def test_bits_stay_the_same_from_version_to_version() -> None:
    assert random_bits(KEY, np.array([0, 3]), 3).tolist() == GOLDEN


@REPEATABLE
@given(keys, st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.integers(1, 9))
def test_a_row_does_not_depend_on_its_batch(key: NoiseKey, samples: list[int], n: int) -> None:
    together = random_bits(key, np.array(samples), n)
    normals = standard_normal(key, np.array(samples), n)
    for row, sample in enumerate(samples):
        assert (together[row] == random_bits(key, np.array([sample]), n)[0]).all()
        assert (normals[row] == standard_normal(key, np.array([sample]), n)[0]).all()


def test_fewer_components_are_the_first_of_more() -> None:
    samples = np.arange(4)
    assert (random_bits(KEY, samples, 5) == random_bits(KEY, samples, 8)[:, :5]).all()
    assert (standard_normal(KEY, samples, 5) == standard_normal(KEY, samples, 8)[:, :5]).all()


def test_the_numbers_of_the_samples_are_left_as_they_are() -> None:
    samples = np.arange(10)
    random_bits(KEY, samples, 3)
    standard_normal(KEY, samples, 3)
    assert samples.tolist() == list(range(10))


@REPEATABLE
@given(keys, st.integers(0, 2**40), st.integers(1, 4))
def test_normal_values_are_box_and_mullers(key: NoiseKey, sample: int, n_pairs: int) -> None:
    coordinates = (key.seed, int(key.stream), key.layer, key.epoch)
    expected = normals_of_sample(bits_of_sample(*coordinates, sample, 2 * n_pairs))
    normals = standard_normal(key, np.array([sample]), 2 * n_pairs)[0]
    assert normals.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_normal_values_have_the_moments_of_the_normal_distribution() -> None:
    normals = standard_normal(KEY, np.arange(4000), 25)
    n = normals.size
    assert abs(normals.mean()) < 4 / n**0.5
    assert abs((normals**2).mean() - 1) < 4 * (2 / n) ** 0.5
    assert abs((normals**3).mean()) < 4 * (15 / n) ** 0.5
    assert abs((normals**4).mean() - 3) < 4 * (96 / n) ** 0.5
    assert (np.abs(normals) < 1).mean() == pytest.approx(0.6827, abs=0.006)


def _uniform(key: NoiseKey, samples: int = 300, components: int = 60) -> np.ndarray:
    return random_bits(key, np.arange(samples), components).astype(np.float64) / 2**32


def _assert_uncorrelated(a: np.ndarray, b: np.ndarray) -> None:
    correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert abs(correlation) < 4.5 / a.size**0.5


def test_bits_are_uniform() -> None:
    counts, _ = np.histogram(_uniform(KEY), bins=20, range=(0, 1))
    expected = counts.sum() / 20
    assert ((counts - expected) ** 2 / expected).sum() < 50  # χ² with 19 degrees of freedom


@pytest.mark.parametrize("bit", range(32))
def test_every_bit_is_a_fair_coin(bit: int) -> None:
    bits = (random_bits(KEY, np.arange(300), 60) >> np.uint32(bit)) & np.uint32(1)
    assert abs(bits.mean() - 0.5) < 4.5 * 0.5 / bits.size**0.5


@pytest.mark.parametrize(
    "other",
    [
        *(replace(KEY, stream=stream) for stream in Stream if stream is not KEY.stream),
        replace(KEY, seed=8),
        replace(KEY, seed=7 + 2**63),
        replace(KEY, layer=3),
        replace(KEY, epoch=6),
        replace(KEY, layer=5, epoch=2),
        NoiseKey(4, Stream.DROPOUT, 2, 7),
    ],
    ids=str,
)
def test_another_key_draws_uncorrelated_noise(other: NoiseKey) -> None:
    _assert_uncorrelated(_uniform(KEY), _uniform(other))
    normals = [standard_normal(key, np.arange(300), 60) for key in (KEY, other)]
    _assert_uncorrelated(*normals)


def test_neighbouring_samples_and_components_are_uncorrelated() -> None:
    uniform = _uniform(KEY)
    _assert_uncorrelated(uniform[1:], uniform[:-1])
    for distance in (1, 2, 3):
        _assert_uncorrelated(uniform[:, distance:], uniform[:, :-distance])


@REPEATABLE
@given(keys, st.integers(0, 200))
def test_an_order_visits_every_sample_once_and_depends_on_the_key_alone(
    key: NoiseKey, n_samples: int
) -> None:
    order = visiting_order(key, n_samples)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n_samples))
    assert (order == visiting_order(replace(key), n_samples)).all()


def test_every_coordinate_of_a_key_changes_the_order() -> None:
    key = NoiseKey(1, Stream.PRETRAINING_ORDER, 1, 1)
    others = [
        replace(key, seed=2),
        replace(key, stream=Stream.FINETUNING_ORDER),
        replace(key, layer=2),
        replace(key, epoch=2),
    ]
    orders = {tuple(visiting_order(each, 50).tolist()) for each in (key, *others)}
    assert len(orders) == 5


def test_nothing_touches_the_global_generators() -> None:
    np_state = str(np.random.get_state())  # noqa: NPY002
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    random_bits(KEY, np.arange(5), 5)
    standard_normal(KEY, np.arange(5), 5)
    visiting_order(KEY, 5)
    generator(KEY).uniform(size=5)
    assert str(np.random.get_state()) == np_state  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state


def test_a_word_is_below_the_threshold_with_the_probability() -> None:
    assert [threshold(p) for p in (0.0, 0.25, 0.5, 1.0)] == [0, 2**30, 2**31, 2**32]
    assert threshold(0.3) == 1288490189


@pytest.mark.parametrize("seed", [0, 89677, 2**64 - 1, np.int64(5), np.uint64(2**64 - 1)])
def test_a_seed_is_any_64_bit_number(seed: int) -> None:
    checked = check_seed(seed, "pretrain")
    assert checked == int(seed)
    assert type(checked) is int


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", None, True])
def test_other_seeds_are_refused(seed: object) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        check_seed(seed, "pretrain")
    assert str(caught.value) == (
        f"The seed parameter of pretrain must be an integer in [0, 2**64). Got {seed!r} instead."
    )


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1, 2**32, 2**63 + 7, 2**64 - 1])
@pytest.mark.parametrize("parts", [(), (3,)])
def test_generators_are_seeded_as_numpy_seeds_by_a_list(seed: int, parts: tuple[int, ...]) -> None:
    key = NoiseKey(seed, Stream.SPLIT, 2, 9)
    words = np.random.SeedSequence([seed, int(Stream.SPLIT), 2, 9], spawn_key=parts)
    expected = np.random.Generator(np.random.PCG64(words)).random(5)
    assert (generator(key, *parts).random(5) == expected).all()
