"""A corrupted batch; what a noise draws at once; and the donor rows it may take values from.

Axes: B samples, V components.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Corrupted(NamedTuple):
    """A corrupted batch.

    Attributes
    ----------
    x_tilde : Tensor, shape (B, V)
        The corrupted input; `x` itself, not a copy, where nothing is corrupted.
    drawn : Tensor of bool, shape (B, V), or None
        The components drawn for corruption, changed or not. None where the noise does not draw
        components: Gaussian noise (it changes all), or level 0.
    """

    x_tilde: Tensor
    drawn: Tensor | None


class Donors(Protocol):
    """Other rows, whose values a noise may put into a row."""

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    def numbers_of(self, samples: Tensor) -> Tensor:
        """Return the number of each row of a batch among the donors, (B,)."""
        ...

    def values(self, numbers: Tensor) -> Tensor:
        """Return for each column the value in the row with the given number, (B, V) -> (B, V)."""
        ...


class Columns(Protocol):
    """What a noise draws for each row: its components, or whole columns of a table."""

    def n_drawn(self, x: Tensor) -> int:
        """Return how many things are drawn for each row, C."""
        ...

    def spread(self, per_column: Tensor) -> Tensor:
        """Give each component what was drawn for its column, (B, C) -> (B, V)."""
        ...

    def masked(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return x with the drawn components masked, (B, V) -> (B, V)."""
        ...

    def additive(self, noise: Tensor, x: Tensor) -> Tensor:
        """Return the part of additive noise that applies, (B, V) -> (B, V)."""
        ...


class EachComponent:
    """Each component is drawn by itself, and masked by zero."""

    def n_drawn(self, x: Tensor) -> int:
        """Return V, the number of components."""
        return x.shape[1]

    def spread(self, per_column: Tensor) -> Tensor:
        """Return what was drawn, (B, V)."""
        return per_column

    def masked(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return x with the drawn components set to zero, (B, V) -> (B, V)."""
        return x.masked_fill(drawn, 0.0)

    def additive(self, noise: Tensor, _x: Tensor) -> Tensor:
        """Return all of the noise, (B, V)."""
        return noise


EACH_COMPONENT = EachComponent()


class OfBatch:
    """The rows of a batch, as donors for one another: row i has the number i."""

    def __init__(self, x: Tensor) -> None:
        self._x = x

    def __len__(self) -> int:
        return len(self._x)

    def numbers_of(self, samples: Tensor) -> Tensor:
        """Return the positions of the rows in the batch, (B,)."""
        return torch.arange(len(samples), device=samples.device)

    def values(self, numbers: Tensor) -> Tensor:
        """Return for each column the value in the row with the given number, (B, V) -> (B, V)."""
        return self._x.gather(0, numbers.to(self._x.device))
