"""What each noise does to a batch: how often, to which values, and to nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.corruption import (
    Corrupted,
    GaussianNoise,
    MaskingNoise,
    Noise,
    SaltAndPepperNoise,
    corrupt,
)
from sdae.core.donors import RowDonors
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import TensorRows
from tests.core.values import REPEATABLE, noises

KEY = NoiseKey(3, Stream.CORRUPTION, 1, 2)
LEVEL_0 = (MaskingNoise(0), MaskingNoise(0, exact=True), SaltAndPepperNoise(0), GaussianNoise(0))

levels = st.floats(0.01, 1)
seeds = st.integers(0, 2**32)


def _rows(n: int, n_visible: int, low: float = 0.1, high: float = 0.9) -> torch.Tensor:
    rng = np.random.default_rng(n + n_visible)
    return torch.from_numpy(rng.uniform(low, high, size=(n, n_visible)).astype(np.float32))


def _corrupt(x: torch.Tensor, noise: Noise, key: NoiseKey = KEY) -> Corrupted:
    return corrupt(x, noise, key, np.arange(len(x)))


def _drawn(corrupted: Corrupted) -> torch.Tensor:
    assert corrupted.drawn is not None
    assert corrupted.drawn.dtype == torch.bool
    return corrupted.drawn


def _assert_share(chosen: torch.Tensor, probability: float) -> None:
    deviation = (probability * (1 - probability) / chosen.numel()) ** 0.5
    assert chosen.double().mean().item() == pytest.approx(probability, abs=4.5 * deviation + 1e-9)


@REPEATABLE
@given(levels, seeds)
def test_masking_zeroes_each_component_with_its_probability(level: float, seed: int) -> None:
    x = _rows(200, 31)
    x_tilde, drawn = _corrupt(x, MaskingNoise(level), NoiseKey(seed, Stream.CORRUPTION))
    assert drawn is not None
    assert torch.equal(x_tilde, torch.where(drawn, 0.0, x))
    _assert_share(drawn, level)
    pairs = drawn[:, :-1] & drawn[:, 1:]
    _assert_share(pairs[:, ::2], level**2)  # of independent neighbours


@REPEATABLE
@given(st.floats(0, 1), st.integers(1, 40), seeds)
def test_exact_masking_zeroes_the_same_number_in_every_row(
    level: float, n_visible: int, seed: int
) -> None:
    x = _rows(6, n_visible)
    noise = MaskingNoise(level, exact=True)
    x_tilde, _ = _corrupt(x, noise, NoiseKey(seed, Stream.CORRUPTION))
    assert ((x_tilde == 0).sum(dim=1) == round(level * n_visible)).all()
    assert torch.equal(x_tilde[x_tilde != 0], x[x_tilde != 0])


def test_exact_masking_favours_no_component() -> None:
    drawn = _drawn(_corrupt(_rows(4000, 10), MaskingNoise(0.3, exact=True)))
    shares = drawn.double().mean(dim=0)
    assert (shares - 0.3).abs().max() < 4.5 * (0.3 * 0.7 / 4000) ** 0.5
    assert len({tuple(row) for row in drawn.tolist()}) == 120  # every choice of 3 of 10


@REPEATABLE
@given(levels, st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (2.0, 5.0)]), seeds)
def test_salt_and_pepper_sets_low_or_high_by_a_fair_coin(
    level: float, bounds: tuple[float, float], seed: int
) -> None:
    x = _rows(200, 31)
    noise = SaltAndPepperNoise(level, *bounds)
    x_tilde, drawn = _corrupt(x, noise, NoiseKey(seed, Stream.CORRUPTION))
    assert drawn is not None
    assert torch.equal(x_tilde[~drawn], x[~drawn])
    assert ((x_tilde == bounds[0]) | (x_tilde == bounds[1]))[drawn].all()
    _assert_share(drawn, level)
    _assert_share(x_tilde[drawn] == bounds[1], 0.5)


@REPEATABLE
@given(st.floats(0.01, 3), seeds)
def test_gaussian_noise_has_mean_zero_and_its_standard_deviation(std: float, seed: int) -> None:
    x = _rows(200, 31).double()
    x_tilde, drawn = _corrupt(x, GaussianNoise(std), NoiseKey(seed, Stream.CORRUPTION))
    assert drawn is None
    z = (x_tilde - x) / std
    assert z.mean().item() == pytest.approx(0, abs=4.5 / z.numel() ** 0.5)
    assert z.square().mean().item() == pytest.approx(1, abs=4.5 * (2 / z.numel()) ** 0.5)
    assert (z.abs() < 1).double().mean().item() == pytest.approx(0.6827, abs=0.027)


@pytest.mark.parametrize("noise", LEVEL_0, ids=str)
def test_level_zero_leaves_the_input_as_it_is(noise: Noise) -> None:
    x = _rows(3, 4, -5, 5)
    x_tilde, drawn = _corrupt(x, noise)
    assert x_tilde is x
    assert drawn is None


@pytest.mark.parametrize("noise", [MaskingNoise(1.0), MaskingNoise(1.0, exact=True)], ids=str)
def test_level_one_masks_everything(noise: Noise) -> None:
    corrupted = _corrupt(_rows(50, 41), noise)
    assert not corrupted.x_tilde.any()
    assert _drawn(corrupted).all()


def test_level_one_of_salt_and_pepper_draws_everything() -> None:
    corrupted = _corrupt(_rows(50, 41), SaltAndPepperNoise(1.0))
    assert _drawn(corrupted).all()
    assert set(corrupted.x_tilde.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    "noise", [MaskingNoise(0.5), MaskingNoise(0.5, exact=True), SaltAndPepperNoise(0.5)], ids=str
)
def test_drawn_are_the_components_that_were_chosen_even_where_nothing_changed(noise: Noise) -> None:
    zeros, others = torch.zeros(20, 11), _rows(20, 11)
    assert torch.equal(_drawn(_corrupt(zeros, noise)), _drawn(_corrupt(others, noise)))
    assert not torch.equal(_drawn(_corrupt(zeros, noise)), _corrupt(zeros, noise).x_tilde != 0)
    changed = _corrupt(others, noise).x_tilde != others
    assert torch.equal(changed, _drawn(_corrupt(others, noise)))


@REPEATABLE
@given(
    noises, st.integers(1, 5), st.integers(1, 9), st.sampled_from([torch.float32, torch.float64])
)
def test_the_input_is_never_changed(noise: Noise, n: int, v: int, dtype: torch.dtype) -> None:
    x = _rows(n, v).to(dtype)
    before = x.clone()
    x_tilde, drawn = _corrupt(x, noise)
    assert torch.equal(x, before)
    assert x_tilde.shape == x.shape
    assert x_tilde.dtype == dtype
    assert drawn is None or drawn.shape == x.shape


@REPEATABLE
@given(noises, st.lists(st.integers(0, 99), min_size=1, max_size=6, unique=True))
def test_the_noise_of_a_row_depends_on_its_number_and_not_on_the_batch(
    noise: Noise, samples: list[int]
) -> None:
    data = _rows(100, 7)
    donors, every = RowDonors(TensorRows(data)), np.arange(100)
    together = corrupt(data, noise, KEY, every, donors).x_tilde
    chosen = np.array(samples)
    alone = corrupt(data[chosen], noise, KEY, chosen, donors).x_tilde
    assert torch.equal(alone, together[chosen])


@pytest.mark.parametrize(
    "other",
    [
        NoiseKey(4, Stream.CORRUPTION, 1, 2),
        NoiseKey(3, Stream.MODULE_CORRUPTION, 1, 2),
        NoiseKey(3, Stream.CORRUPTION, 2, 2),
        NoiseKey(3, Stream.CORRUPTION, 1, 3),
    ],
    ids=str,
)
def test_another_seed_stream_layer_or_epoch_draws_other_components(other: NoiseKey) -> None:
    x = _rows(100, 31)
    a, b = _drawn(_corrupt(x, MaskingNoise(0.5))), _drawn(_corrupt(x, MaskingNoise(0.5), other))
    _assert_share(a == b, 0.5)


def test_noise_leaves_torchs_generator_alone() -> None:
    state = torch.get_rng_state()
    for noise in (MaskingNoise(0.5), SaltAndPepperNoise(0.5), GaussianNoise(1.0)):
        _corrupt(_rows(3, 4), noise)
    assert torch.equal(torch.get_rng_state(), state)
