"""The scales of numbers: each learned from a column, a change of units that can be undone.

``standard`` gives mean 0 and variance 1, ``robust`` median 0 and the quartiles of a normal
distribution, which outliers hardly move; ``quantile`` makes the values normally distributed by
their rank (RankGauss); ``minmax`` brings them into [0, 1]; ``none`` leaves them.

Axes: n values, Q quantiles.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.core.column_statistics import ColumnStatistics
from sdae.core.preprocessing import fit_scaling
from sdae.core.schema.column_json import number

Numbers = NDArray[np.float64]

OF_VALUES = ("robust", "quantile")
"""Scales that cannot be learned from blocks of rows, of which only sums are kept."""

_MOST_QUANTILES = 1000
_SMALLEST = 1e-300
_QUARTILES_APART = 1.3489795003921634  # of a standard normal distribution
_FARTHEST_RANK = 1e-7  # the share beyond the last quantile: 5.2 standard deviations


@dataclass(frozen=True)
class LinearScale:
    """``(x − offset) / scale``.

    Attributes
    ----------
    name : str
        ``standard``, ``robust``, ``minmax`` or ``none``.
    offset, scale : float
        What is subtracted, and what divides.
    """

    names: ClassVar[tuple[str, ...]] = ("standard", "robust", "minmax", "none")

    name: str
    offset: float
    scale: float

    @classmethod
    def learn(cls, name: str, known: Numbers | ColumnStatistics) -> Self:
        """Learn a scale from values, (n, 1), n ≥ 1; a column of equal values keeps its unit.

        ``robust`` needs the values themselves.
        """
        if name == "none":
            return cls(name, 0.0, 1.0)
        if name == "robust":
            assert not isinstance(known, ColumnStatistics)
            low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
            if high > low:
                return cls(name, float(middle), float((high - low) / _QUARTILES_APART))
        fitted = fit_scaling(known, "minmax" if name == "minmax" else "standard")
        assert fitted is not None
        return cls(name, float(fitted.offset[0]), float(fitted.scale[0]))

    def apply(self, x: Numbers) -> Numbers:
        """Scale values, (n,)."""
        scaled: Numbers = (x - self.offset) / self.scale
        return scaled

    def undo(self, x: Numbers) -> Numbers:
        """Return scaled values to their unit, (n,)."""
        values: Numbers = x * self.scale + self.offset
        return values

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"name": self.name, "offset": self.offset, "scale": self.scale}

    @classmethod
    def of_json(cls, entry: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` returned.

        Raises
        ------
        ValueError, LookupError, TypeError
            If it is something else.
        """
        offset, scale = (number(entry[key]) for key in ("offset", "scale"))
        if entry["name"] not in cls.names or scale < _SMALLEST:
            raise ValueError(f"{entry} is not a scale")
        return cls(entry["name"], offset, scale)


@dataclass(frozen=True)
class QuantileScale:
    """The quantile of a value, turned into the value of a normal distribution (RankGauss).

    Attributes
    ----------
    quantiles : tuple of float
        Values at equally spaced shares of the rows, ascending.
    """

    name: ClassVar[str] = "quantile"
    names: ClassVar[tuple[str, ...]] = (name,)

    quantiles: tuple[float, ...]

    @classmethod
    def learn(cls, _name: str, known: Numbers | ColumnStatistics) -> Self:
        """Learn a scale from values, (n, 1), n ≥ 1, and not from what is known of them."""
        assert not isinstance(known, ColumnStatistics)
        shares = np.linspace(0, 1, min(_MOST_QUANTILES, max(2, len(known))))
        return cls(tuple(np.quantile(known, shares).tolist()))

    def apply(self, x: Numbers) -> Numbers:
        """Scale values, (n,): linearly between quantiles; those beyond the ends become these.

        A value that many rows share is several quantiles: it becomes the middle of them.
        """
        values, knots = self._values, self.knots
        left = np.searchsorted(values, x, "left")  # the number of quantiles below
        right = np.searchsorted(values, x, "right")
        below, above = np.clip(left - 1, 0, None), np.clip(left, None, len(values) - 1)
        width = values[above] - values[below]
        share = (np.clip(x, values[0], values[-1]) - values[below]) / np.where(width > 0, width, 1)
        between = knots[below] + share * (knots[above] - knots[below])
        same = right > left
        middle = (knots[above] + knots[np.clip(right - 1, 0, None)]) / 2
        scaled: Numbers = np.where(same, middle, between)
        return scaled

    def undo(self, x: Numbers) -> Numbers:
        """Return scaled values to their unit, (n,)."""
        values: Numbers = np.interp(x, self.knots, self._values)
        return values

    @property
    def knots(self) -> Numbers:
        """The scaled quantiles, (Q,): those of a normal distribution, within ±5.2."""
        shares = np.linspace(0, 1, len(self.quantiles))
        shares = np.clip(shares, _FARTHEST_RANK, 1 - _FARTHEST_RANK)
        knots: Numbers = torch.special.ndtri(torch.from_numpy(shares)).numpy()
        return knots

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"name": self.name, "quantiles": list(self.quantiles)}

    @classmethod
    def of_json(cls, entry: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` returned.

        Raises
        ------
        ValueError, LookupError, TypeError
            If it is something else.
        """
        values = np.array([number(each) for each in entry["quantiles"]])
        good = (
            values.ndim == 1 and 2 <= len(values) <= _MOST_QUANTILES and np.isfinite(values).all()
        )
        if not good or not np.isfinite(values).all() or (np.diff(values) < 0).any():
            raise ValueError("quantiles must be finite and ascending")
        return cls(tuple(values.tolist()))

    @property
    def _values(self) -> Numbers:
        return np.array(self.quantiles)


Scale = LinearScale | QuantileScale
SCALES: dict[str, type[LinearScale] | type[QuantileScale]] = {
    name: kind for kind in (LinearScale, QuantileScale) for name in kind.names
}


def scale_of_json(entry: dict[str, Any]) -> Scale:
    """Read a scale.

    Raises
    ------
    ValueError, LookupError, TypeError
        If it is not one.
    """
    return SCALES[entry["name"]].of_json(entry)
