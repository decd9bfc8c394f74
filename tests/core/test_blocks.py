"""Blocks of a table: loss, slope, reconstruction and noise by columns, against plain loops."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.blocks import BlockLayout, Blocks, summed_by_product
from sdae.core.corruption import GaussianNoise, MaskingNoise, Noise, SwapNoise, corrupt
from sdae.core.errors import InvalidParameterError
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.stack import StackedDenoisingAutoencoder

TABLE = Blocks(
    numbers=(1, 3, 1),
    n_binaries=2,
    levels=(4, 2, 1),
    indicators=(0, 3, 5, 7),
    gap_values=(0.0, 0.1, 0.2, 0.3, -1.0, 0.25, 0.5),
)
ROWS = np.arange(40)


def rows_of(blocks: Blocks, n_rows: int, seed: int = 0, gaps: float = 0.3) -> Tensor:
    """Draw rows as a schema encodes them."""
    rng = np.random.default_rng(seed)
    start, parts, missing = 0, [], rng.random((n_rows, blocks.n_columns)) < gaps
    for column, size in enumerate(blocks.sizes):
        is_number = column < len(blocks.numbers)
        is_binary = not is_number and column < len(blocks.numbers) + blocks.n_binaries
        if is_number:
            values = rng.normal(size=(n_rows, size))
        elif is_binary:
            values = rng.integers(2, size=(n_rows, 1)).astype(float)
        else:
            values = np.eye(size)[rng.integers(size, size=n_rows)]
        gap = np.array([*blocks.gap_values, *[0.0] * sum(blocks.levels)])[start : start + size]
        if column in blocks.indicators:
            values = np.where(missing[:, [column]], gap, values)
        parts.append(values)
        start += size
    indicators = [missing[:, [column]].astype(float) for column in blocks.indicators]
    return torch.from_numpy(np.concatenate([*parts, *indicators], axis=1))


def plain_losses(blocks: Blocks, x: Any, a: Any) -> list[float]:
    """Return the loss of one row for each column, from the equations."""
    losses, start = [], 0
    n_values = int(blocks.sizes.sum())
    for column, size in enumerate(blocks.sizes):
        xs, values = x[start : start + size], a[start : start + size]
        start += size
        if column in blocks.indicators and x[n_values + blocks.indicators.index(column)] == 1:
            losses.append(0.0)
        elif column < len(blocks.numbers):
            losses.append(sum((u - v) ** 2 for u, v in zip(xs, values, strict=True)) / size)
        elif column < len(blocks.numbers) + blocks.n_binaries:
            p = 1 / (1 + math.exp(-values[0]))
            losses.append(-math.log(p if xs[0] == 1 else 1 - p, 2))
        else:
            shares = [math.exp(v) / sum(math.exp(u) for u in values) for v in values]
            cost = -sum(u * math.log(p) for u, p in zip(xs, shares, strict=True))
            losses.append(cost / math.log(max(size, 2)))
    return losses


@st.composite
def tables(draw: st.DrawFn) -> Blocks:
    numbers = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    n_binaries = draw(st.integers(0, 2))
    levels = tuple(draw(st.lists(st.integers(1, 5), max_size=3)))
    n_columns = len(numbers) + n_binaries + len(levels)
    if n_columns == 0:
        n_binaries = n_columns = 1
    indicators = draw(st.lists(st.integers(0, n_columns - 1), unique=True))
    gaps = draw(
        st.lists(
            st.floats(0, 1), min_size=sum(numbers) + n_binaries, max_size=sum(numbers) + n_binaries
        )
    )
    return Blocks(numbers, n_binaries, levels, tuple(sorted(indicators)), tuple(gaps))


@settings(max_examples=50, deadline=None)
@given(tables(), st.integers(0, 100))
def test_the_loss_is_that_of_the_equations(blocks: Blocks, seed: int) -> None:
    x = rows_of(blocks, 6, seed)
    a = torch.from_numpy(np.random.default_rng(seed + 1).normal(size=x.shape))
    layout = BlockLayout(blocks, x)
    found = layout.loss(x, a)
    by_column = torch.zeros(6, blocks.n_columns, dtype=x.dtype)
    by_column.index_add_(1, torch.from_numpy(blocks.column_of), found)
    expected = [plain_losses(blocks, *row) for row in zip(x.tolist(), a.tolist(), strict=True)]
    torch.testing.assert_close(by_column, torch.tensor(expected, dtype=x.dtype))


@settings(max_examples=50, deadline=None)
@given(tables(), st.integers(0, 100))
def test_the_slope_is_the_derivative(blocks: Blocks, seed: int) -> None:
    x = rows_of(blocks, 5, seed)
    a = torch.from_numpy(np.random.default_rng(seed).normal(size=x.shape)).requires_grad_()
    layout = BlockLayout(blocks, x)
    (slope,) = torch.autograd.grad(layout.loss(x, a).sum(), a)
    torch.testing.assert_close(layout.slope(x, a.detach()), slope)


def test_a_guess_that_knows_nothing_costs_one_a_column() -> None:
    blocks = Blocks((1,), 1, (2, 50), (), (0.0, 0.5))
    x = rows_of(blocks, 2000, gaps=0)
    costs = BlockLayout(blocks, x).loss(x, torch.zeros_like(x))
    by_column = torch.zeros(2000, 4, dtype=x.dtype)
    by_column.index_add_(1, torch.from_numpy(blocks.column_of), costs)
    torch.testing.assert_close(by_column[:, 1:], torch.ones(2000, 3, dtype=x.dtype))
    assert float(by_column[:, 0].mean()) == pytest.approx(1, abs=0.1)


def test_the_reconstruction_is_numbers_and_shares() -> None:
    x = rows_of(TABLE, 7)
    out = BlockLayout(TABLE, x).output(x * 3)
    torch.testing.assert_close(out[:, :5], x[:, :5] * 3)
    torch.testing.assert_close(out[:, 5:7], torch.sigmoid(x[:, 5:7] * 3))
    torch.testing.assert_close(out[:, 7:11], torch.softmax(x[:, 7:11] * 3, 1))
    torch.testing.assert_close(out[:, 11:13], torch.softmax(x[:, 11:13] * 3, 1))
    assert (out[:, 13] == 1).all()
    assert (out[:, 14:] == 0).all()


def corrupted(noise: Noise, x: Tensor, samples: Any = ROWS) -> Any:
    key = NoiseKey(3, Stream.CORRUPTION, 0, 1)
    return corrupt(x, noise, key, samples, columns=BlockLayout(TABLE, x))


@pytest.mark.parametrize("noise", [MaskingNoise(0.4), MaskingNoise(0.25, exact=True)])
def test_masking_hides_whole_columns(noise: MaskingNoise) -> None:
    x = rows_of(TABLE, 40, gaps=0)
    x_tilde, drawn = corrupted(noise, x)
    column_of = TABLE.column_of
    gap = torch.tensor([*TABLE.gap_values, *[0.0] * 7, *[1.0] * 4], dtype=x.dtype)
    for column in range(TABLE.n_columns):
        of_column = drawn[:, column_of == column]
        assert (of_column == of_column[:, :1]).all()
    torch.testing.assert_close(x_tilde, torch.where(drawn, gap, x))
    per_row = torch.stack([drawn[:, column_of == k][:, 0] for k in range(8)], 1).sum(dim=1)
    if noise.exact:
        assert (per_row == 2).all()
    else:
        assert 0.3 < float(per_row.double().mean()) / 8 < 0.5


def test_swapped_columns_come_whole_from_one_row() -> None:
    x = rows_of(TABLE, 40)
    x_tilde, drawn = corrupted(SwapNoise(0.5), x)
    assert not torch.equal(x_tilde, x)
    assert torch.equal(x_tilde[~drawn], x[~drawn])
    for column in range(TABLE.n_columns):
        place = TABLE.column_of == column
        for row in range(40):
            same = (x[:, place] == x_tilde[row, place]).all(dim=1)
            assert same.any()


def test_gaussian_noise_is_for_numbers_that_are_there() -> None:
    x = rows_of(TABLE, 40)
    x_tilde, drawn = corrupted(GaussianNoise(0.5), x)
    assert drawn is None
    assert torch.equal(x_tilde[:, 5:], x[:, 5:])
    missing = x[:, 14] == 1  # of column 0
    assert missing.any()
    assert torch.equal(x_tilde[missing, 0], x[missing, 0])
    assert (x_tilde[~missing, 0] != x[~missing, 0]).all()
    assert (x_tilde[:, 1:5] != x[:, 1:5]).all()


@pytest.mark.parametrize("noise", [MaskingNoise(0.4), GaussianNoise(0.5)])
def test_the_noise_of_a_row_does_not_depend_on_its_batch(noise: Noise) -> None:
    x = rows_of(TABLE, 40)
    few = np.array([31, 4, 7])
    assert torch.equal(corrupted(noise, x)[0][few], corrupted(noise, x[few], few)[0])


def test_a_missing_value_does_not_move_the_weights() -> None:
    x = rows_of(TABLE, 20).float()
    x[:, 0], x[:, 14] = 0.0, 1.0  # column 0 is missing everywhere
    autoencoder = DenoisingAutoencoder(18, 5, corruption=0.0, tied=False, blocks=TABLE, seed=1)
    autoencoder.loss(x).sum().backward()
    grad = autoencoder.decoder_weight.grad
    assert grad is not None
    assert (grad[0] == 0).all()
    assert (grad[14:] == 0).all()  # nor do indicators
    assert (grad[1:13] != 0).all()


def test_a_stack_decodes_its_first_layer_by_blocks() -> None:
    stack = StackedDenoisingAutoencoder(18, (6, 4), 3, blocks=TABLE, seed=2)
    assert [str(layer.decoder) for layer in stack.autoencoders] == ["blocks", "sigmoid"]
    x_hat = stack.reconstruct(rows_of(TABLE, 9).float())
    torch.testing.assert_close(x_hat[:, 7:11].sum(dim=1), torch.ones(9))
    assert set(stack.state_dict()) == set(StackedDenoisingAutoencoder(18, (6, 4), 3).state_dict())
    assert stack.double().autoencoder(0).layout.weights.dtype is torch.float64  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decoder": "linear"}, "decoder parameter .* 'auto' or 'blocks'"),
        ({"decoder": "blocks", "blocks": None}, "decoder parameter .* 'sigmoid', 'linear' or"),
        ({"n_visible": 17}, "blocks parameter .* of 17 components. Got 18"),
        ({"corruption": "salt_and_pepper:0.2"}, "masking, swap or Gaussian noise"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {"n_visible": 18, "corruption": 0.1, "blocks": TABLE}
    made = usual | arguments
    with pytest.raises(InvalidParameterError, match=message):
        DenoisingAutoencoder(made.pop("n_visible"), 4, **made)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"numbers": (0,), "gap_values": ()},
        {"levels": (2,), "indicators": (1,)},
        {"levels": (2, 2), "indicators": (1, 0)},
        {"n_binaries": 1},
        {"n_binaries": 1, "gap_values": (math.nan,)},
    ],
)
def test_impossible_blocks_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a table needs|indicators must|finite values for gaps"):
        Blocks(**arguments)


def test_sums_over_groups_are_those_of_a_loop() -> None:
    values = torch.rand(7, 9, dtype=torch.float64, requires_grad=True)
    group = torch.tensor([0, 0, 2, 1, 2, 2, 3, 0, 3])
    found = summed_by_product(values, group, 5)
    for k in range(5):
        expected = sum((values[:, j] for j in range(9) if group[j] == k), torch.zeros(7).double())
        torch.testing.assert_close(found[:, k], expected, rtol=1e-14, atol=1e-15)
    factors = torch.arange(35, dtype=torch.float64).reshape(7, 5)
    (slope,) = torch.autograd.grad(found, values, factors)
    assert torch.equal(slope, factors[:, group])
