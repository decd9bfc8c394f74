"""The blocks of a table: which components of x belong to one column, and how they are decoded.

A number is one component or more, decoded as it is (Gaussian, squared error). A binary is one
component in [0, 1] (Bernoulli). A category is one component per level (softmax). A column with
gaps has one more component, its indicator, which is 1 where the value is missing.

The components stand in this order: numbers, binaries, categories, indicators, so that each kind is
a slice. The columns are counted in the same order.

Axes: B samples, V components, C columns, K categories.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

_LEAST = 1e-7  # the smallest probability that float32 can subtract from 1


@dataclass(frozen=True)
class Blocks:
    """The sizes of the columns of a table, and the values that mean "missing".

    Parameters
    ----------
    numbers : tuple of int
        How many components each column of numbers has; most have one.
    n_binaries : int
        How many columns are binaries.
    levels : tuple of int
        How many levels each category has.
    indicators : tuple of int
        The columns that have an indicator, in ascending order.
    gap_values : tuple of float
        The value of each component of numbers and binaries where it is missing: the mean of its
        column. Of a category all components are 0 there.
    """

    numbers: tuple[int, ...] = ()
    n_binaries: int = 0
    levels: tuple[int, ...] = ()
    indicators: tuple[int, ...] = ()
    gap_values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        sizes = (*self.numbers, *self.levels)
        if any(size < 1 for size in sizes) or self.n_binaries < 0 or self.n_columns < 1:
            raise ValueError("a table needs columns, each of at least one component")
        if any(low >= high for low, high in pairwise(self.indicators)) or not all(
            0 <= column < self.n_columns for column in self.indicators
        ):
            raise ValueError("indicators must be of different columns, in ascending order")
        n_values = sum(self.numbers) + self.n_binaries
        if len(self.gap_values) != n_values or not all(map(math.isfinite, self.gap_values)):
            raise ValueError(f"there must be {n_values} finite values for gaps")

    @property
    def n_columns(self) -> int:
        """C, the number of columns."""
        return len(self.numbers) + self.n_binaries + len(self.levels)

    @property
    def n_components(self) -> int:
        """V, the number of components."""
        return int(self.sizes.sum()) + len(self.indicators)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many components the value of each column has, (C,), without indicators."""
        return np.array([*self.numbers, *[1] * self.n_binaries, *self.levels], np.int64)

    @property
    def column_of(self) -> NDArray[np.int64]:
        """The column of each component, (V,)."""
        values = np.repeat(np.arange(self.n_columns), self.sizes)
        return np.concatenate([values, np.array(self.indicators, np.int64)])


class BlockLayout(nn.Module):
    """Blocks as tensors: what the noise and the decoder of layer 0 need of them.

    Each column weighs as one: the error of a number is divided by its number of components, the
    cross-entropy of a binary by log 2, that of a category by the logarithm of its number of levels,
    so that a guess that knows nothing costs 1. A missing value has no part in the loss.

    Parameters
    ----------
    blocks : Blocks
    like : Tensor
        Gives type and device.
    """

    weights: Tensor
    gap: Tensor
    column: Tensor
    category: Tensor
    indicator: Tensor
    has_indicator: Tensor

    def __init__(self, blocks: Blocks, like: Tensor) -> None:
        super().__init__()
        self.blocks = blocks
        self.column_of = blocks.column_of
        n_numbers, n_levels = sum(blocks.numbers), sum(blocks.levels)
        self.n_numbers = n_numbers
        self.n_bounded = n_numbers + blocks.n_binaries
        self.n_values = self.n_bounded + n_levels
        n_indicators = len(blocks.indicators)
        unit = [1 / size for size in blocks.numbers for _ in range(size)]
        unit += [1 / math.log(2)] * blocks.n_binaries
        # A category of one level, which may be missing, is always right: any weight will do.
        unit += [1 / math.log(max(size, 2)) for size in blocks.levels for _ in range(size)]
        gap = [*blocks.gap_values, *[0.0] * n_levels, *[1.0] * n_indicators]
        place = {column: self.n_values + k for k, column in enumerate(blocks.indicators)}
        of_column = np.array([place.get(column, 0) for column in self.column_of])
        self._keep("weights", np.array([*unit, *[0.0] * n_indicators]), like)
        self._keep("gap", np.array(gap), like)
        self._keep("has_indicator", of_column > 0, like)
        self._keep("indicator", of_column, like)
        self._keep("category", np.repeat(np.arange(len(blocks.levels)), blocks.levels), like)

    # -- the noise ---------------------------------------------------------------------------

    def n_drawn(self, _x: Tensor) -> int:
        """Return how many things a noise draws for each row: C, its columns."""
        return self.blocks.n_columns

    def spread(self, per_column: Tensor) -> Tensor:
        """Give the components of a column what was drawn for it, (B, C) -> (B, V)."""
        if per_column.device.type == "cpu":
            # PyTorch's copy leaves a thread spinning, which slows down the training threads.
            return torch.from_numpy(per_column.numpy()[:, self.column_of])
        return per_column.index_select(1, torch.from_numpy(self.column_of).to(per_column.device))

    def masked(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return x with drawn columns as where the value is missing, (B, V) -> (B, V)."""
        return torch.where(drawn, self.gap, x)

    def additive(self, noise: Tensor, x: Tensor) -> Tensor:
        """Return noise for the numbers that are not missing, and 0 elsewhere, (B, V)."""
        kept = torch.zeros_like(noise)
        n = self.n_numbers
        kept[:, :n] = noise[:, :n] * (self.counted(x)[:, :n] > 0)
        return kept

    # -- the decoder -------------------------------------------------------------------------

    def output(self, a: Tensor) -> Tensor:
        """Return the reconstruction of pre-activations a, (B, V) -> (B, V).

        Numbers, probabilities of binaries and of levels; 0 ("not missing") for indicators.
        """
        numbers, binaries, categories, indicators = self._parts(a)
        return torch.cat(
            [
                numbers,
                torch.sigmoid(binaries),
                self._log_shares(categories).exp(),
                torch.zeros_like(indicators),
            ],
            dim=1,
        )

    def loss(self, x: Tensor, a: Tensor) -> Tensor:
        """Return the loss of each component, given x and a: two (B, V) -> (B, V)."""
        numbers, binaries, categories, indicators = self._parts(a)
        x_numbers, x_binaries, x_categories, _ = self._parts(x)
        losses = [
            (x_numbers - numbers).square(),
            F.binary_cross_entropy_with_logits(binaries, x_binaries, reduction="none"),
            -x_categories * self._log_shares(categories),
            torch.zeros_like(indicators),
        ]
        return torch.cat(losses, dim=1) * self.counted(x)

    def slope(self, x: Tensor, a: Tensor) -> Tensor:
        """Return the derivative of the sum of the loss by a: two (B, V) -> (B, V)."""
        numbers, binaries, categories, indicators = self._parts(a)
        x_numbers, x_binaries, x_categories, _ = self._parts(x)
        slopes = [
            2 * (numbers - x_numbers),
            torch.sigmoid(binaries) - x_binaries,
            self._log_shares(categories).exp() - x_categories,
            torch.zeros_like(indicators),
        ]
        return torch.cat(slopes, dim=1) * self.counted(x)

    def column_errors(self, x: Tensor, x_hat: Tensor) -> Tensor:
        """Return the error of each column given its reconstruction: two (B, V) -> (B, C).

        Of numbers the squared error, of others the cross-entropy in nats; 0 for missing values.
        """
        numbers, binaries, categories, indicators = self._parts(x_hat)
        x_numbers, x_binaries, x_categories, _ = self._parts(x)
        shares = binaries.clamp(_LEAST, 1 - _LEAST)
        errors = [
            (x_numbers - numbers).square() * self.weights[: self.n_numbers],
            -x_binaries * shares.log() - (1 - x_binaries) * (1 - shares).log(),
            -x_categories * categories.clamp(min=_LEAST).log(),
            torch.zeros_like(indicators),
        ]
        there = torch.cat(errors, dim=1).where(self.counted(x) > 0, 0.0)
        columns = torch.from_numpy(self.column_of).to(x.device)
        return x.new_zeros(len(x), self.blocks.n_columns).index_add_(1, columns, there)

    def counted(self, x: Tensor) -> Tensor:
        """Return the weight of each component in the loss, 0 where the value is missing, (B, V)."""
        if not self.blocks.indicators:
            return self.weights.expand_as(x)
        missing = x[:, self.indicator] * self.has_indicator  # (B, V)
        return self.weights * (1 - missing)

    def _log_shares(self, categories: Tensor) -> Tensor:
        """Return the logarithm of the softmax within each category, (B, levels)."""
        if not self.blocks.levels:
            return categories
        place = self.category.expand(len(categories), -1)  # (B, levels)
        n_categories = len(self.blocks.levels)
        # The largest of each category is taken off first: no exponential overflows.
        top = categories.detach().new_full((len(categories), n_categories), -math.inf)
        top = top.scatter_reduce(1, place, categories.detach(), "amax")  # (B, K)
        shifted = categories - top[:, self.category]
        total = self._summed(shifted.exp())  # (B, K)
        return shifted - total.log()[:, self.category]

    def _summed(self, shares: Tensor) -> Tensor:
        """Return the sum over each category, (B, levels) -> (B, K)."""
        n_categories = len(self.blocks.levels)
        if shares.device.type == "cuda":  # there, scatter_add adds in the order of chance
            return summed_by_product(shares, self.category, n_categories)
        place = self.category.expand(len(shares), -1)  # (B, levels)
        return shares.new_zeros(len(shares), n_categories).scatter_add(1, place, shares)

    def _parts(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Cut components into numbers, binaries, categories and indicators."""
        first, second, third = self.n_numbers, self.n_bounded, self.n_values
        return t[:, :first], t[:, first:second], t[:, second:third], t[:, third:]

    def _keep(self, name: str, values: NDArray[Any], like: Tensor) -> None:
        tensor = torch.from_numpy(values)
        dtype = like.dtype if tensor.is_floating_point() or tensor.dtype is torch.bool else None
        self.register_buffer(name, tensor.to(like.device, dtype), persistent=False)


def summed_by_product(values: Tensor, group: Tensor, n_groups: int) -> Tensor:
    """Return the sums of values over the groups of their columns, (B, N) -> (B, groups)."""
    members = (group[:, None] == torch.arange(n_groups, device=group.device)).to(values)
    with torch.autocast(values.device.type, enabled=False):
        return values @ members  # (B, N) @ (N, groups)
