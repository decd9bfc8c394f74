"""The noises: q(x_tilde given x), and which components they draw.

A noise is a frozen value with a text form (``parse_noise(str(noise)) == noise``). Which components
are drawn is decided by the counter-based bits of :mod:`sdae.core.randomness`, by NumPy or on a GPU
(:mod:`sdae.core.kinds.draws`), so every engine and device sees the same noise. To add one, add a
class to ``NOISES``; docs/adding-a-kind.md shows how.

Axes: B samples, V components.

Sources: Vincent, Larochelle, Bengio and Manzagol, "Extracting and composing robust features with
denoising autoencoders" (ICML 2008); Vincent, Larochelle, Lajoie, Bengio and Manzagol, "Stacked
denoising autoencoders" (JMLR 11, 2010), section 3.3.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from sdae.core.errors import InvalidParameterError, invalid_parameter
from sdae.core.kinds.corrupted import Columns, Corrupted, Donors
from sdae.core.kinds.draws import Draws
from sdae.core.kinds.text import check_level, did_you_mean, is_number
from sdae.core.randomness import threshold

KernelArguments = tuple[int, np.uint64, float, float]


@dataclass(frozen=True)
class MaskingNoise:
    """Set components to zero (Vincent et al. 2008, section 2.3; the tutorial's noise).

    Parameters
    ----------
    level : float in [0, 1]
        Probability with which each component is zeroed, independently of the others.
    exact : bool, default False
        Zero the same number of components, ``round(level * n_visible)``, in every sample: Vincent's
        fixed fraction in place of the tutorial's independent draws.
    """

    name: ClassVar[str] = "masking"
    forms: ClassVar[str] = "'masking:0.3', 'masking:0.25:exact'"
    draws_components: ClassVar[bool] = True
    for_tables: ClassVar[bool] = True

    level: float
    exact: bool = False

    def __post_init__(self) -> None:
        check_level("level", "MaskingNoise", self.level)
        object.__setattr__(self, "level", float(self.level))  # a NumPy number becomes a float

    @classmethod
    def of_words(cls, level: str, *options: str) -> Self:
        """Read the words after the name."""
        if options not in ((), ("exact",)):
            raise ValueError(options)
        return cls(float(level), exact=bool(options))

    def with_level(self, level: float) -> "MaskingNoise":
        """Return the same noise at another level."""
        return replace(self, level=level)

    def corrupt(self, x: Tensor, draws: Draws, _donors: Donors, columns: Columns) -> Corrupted:
        """Corrupt a batch, (B, V)."""
        n = columns.n_drawn(x)
        chosen = (
            draws.exactly(n, round(self.level * n))
            if self.exact
            else draws.below(n, threshold(self.level))
        )  # (B, C)
        drawn = columns.spread(chosen).to(x.device, non_blocking=True)  # (B, V)
        return Corrupted(columns.masked(x, drawn), drawn)

    def kernel_arguments(self, n_visible: int) -> KernelArguments:
        """Return the kernel's number of the noise, the limit of its bits, its two values."""
        if self.exact:
            return 1, np.uint64(round(self.level * n_visible)), 0.0, 0.0
        return 0, np.uint64(threshold(self.level)), 0.0, 0.0

    def __str__(self) -> str:
        return f"{self.name}:{self.level!r}" + (":exact" if self.exact else "")


@dataclass(frozen=True)
class SaltAndPepperNoise:
    """Set components to the lowest or highest value by a fair coin (Vincent et al. 2010, 3.3).

    Parameters
    ----------
    level : float in [0, 1]
        Probability with which each component is drawn, independently of the others.
    low, high : float, default 0 and 1
        The two values a drawn component may take; ``low < high``.
    """

    name: ClassVar[str] = "salt_and_pepper"
    forms: ClassVar[str] = "'salt_and_pepper:0.2' (':low=-1:high=1')"
    draws_components: ClassVar[bool] = True
    for_tables: ClassVar[bool] = False

    level: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_level("level", "SaltAndPepperNoise", self.level)
        for name, bound in (("low", self.low), ("high", self.high)):
            if not is_number(bound):
                raise invalid_parameter(name, "SaltAndPepperNoise", "a finite number", bound)
        if not self.low < self.high:
            raise invalid_parameter(
                "low", "SaltAndPepperNoise", f"below high ({self.high!r})", self.low
            )
        for name in ("level", "low", "high"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def of_words(cls, level: str, *options: str) -> Self:
        """Read the words after the name."""
        bounds = {"low": 0.0, "high": 1.0}
        for option in options:
            key, _, number = option.partition("=")
            if key not in bounds:
                raise ValueError(key)
            bounds[key] = float(number)
        return cls(float(level), bounds["low"], bounds["high"])

    def with_level(self, level: float) -> "SaltAndPepperNoise":
        """Return the same noise at another level."""
        return replace(self, level=level)

    def corrupt(self, x: Tensor, draws: Draws, _donors: Donors, _columns: Columns) -> Corrupted:
        """Corrupt a batch, (B, V)."""
        # 31 bits say whether a component is drawn; the lowest one is the coin.
        both = draws.below_with_coins(x.shape[1], threshold(self.level) >> 1)
        drawn, salt = (each.to(x.device, non_blocking=True) for each in both)  # (B, V)
        peppered = x.masked_fill(drawn & ~salt, self.low)
        return Corrupted(peppered.masked_fill(drawn & salt, self.high), drawn)

    def kernel_arguments(self, _n_visible: int) -> KernelArguments:
        """Return the kernel's number of the noise, the limit of its bits, its two values."""
        return 2, np.uint64(threshold(self.level) >> 1), self.low, self.high

    def __str__(self) -> str:
        bounds = "" if (self.low, self.high) == (0, 1) else f":low={self.low!r}:high={self.high!r}"
        return f"{self.name}:{self.level!r}{bounds}"


@dataclass(frozen=True)
class GaussianNoise:
    """Add independent normal noise N(0, std²) to every component (Vincent et al. 2010, 3.3).

    Parameters
    ----------
    std : float, at least 0
        Standard deviation, in the units of the (scaled) data.
    """

    name: ClassVar[str] = "gaussian"
    forms: ClassVar[str] = "'gaussian:0.15'"
    draws_components: ClassVar[bool] = False
    for_tables: ClassVar[bool] = True

    std: float

    def __post_init__(self) -> None:
        if not is_number(self.std) or self.std < 0:
            raise invalid_parameter("std", "GaussianNoise", "a finite number ≥ 0", self.std)
        object.__setattr__(self, "std", float(self.std))

    @classmethod
    def of_words(cls, std: str) -> Self:
        """Read the words after the name."""
        return cls(float(std))

    @property
    def level(self) -> float:
        """Standard deviation, under the name that the other noises use."""
        return self.std

    def with_level(self, level: float) -> "GaussianNoise":
        """Return the noise with another standard deviation."""
        return replace(self, std=level)

    def corrupt(self, x: Tensor, draws: Draws, _donors: Donors, columns: Columns) -> Corrupted:
        """Corrupt a batch, (B, V)."""
        normal = draws.normal(x.shape[1], self.std, x.dtype)  # (B, V)
        return Corrupted(x + columns.additive(normal.to(x.device, non_blocking=True), x), None)

    def kernel_arguments(self, _n_visible: int) -> KernelArguments:
        """Return the kernel's number of the noise, with zeros for the limit and the values."""
        return 3, np.uint64(0), 0.0, 0.0

    def __str__(self) -> str:
        return f"{self.name}:{self.std!r}"


@dataclass(frozen=True)
class SwapNoise:
    """Give components the value that another row has in the same column.

    Useful for tables with columns of different units: a swapped value still occurs in its column.

    Parameters
    ----------
    level : float in [0, 1]
        Probability with which each component is drawn, independently of the others. Each drawn
        component takes its value from a donor row of its own: any other row of the data, where
        there is another.
    """

    name: ClassVar[str] = "swap"
    forms: ClassVar[str] = "'swap:0.15'"
    draws_components: ClassVar[bool] = True
    for_tables: ClassVar[bool] = True

    level: float

    def __post_init__(self) -> None:
        check_level("level", "SwapNoise", self.level)
        object.__setattr__(self, "level", float(self.level))

    @classmethod
    def of_words(cls, level: str) -> Self:
        """Read the words after the name."""
        return cls(float(level))

    def with_level(self, level: float) -> "SwapNoise":
        """Return the same noise at another level."""
        return replace(self, level=level)

    def corrupt(self, x: Tensor, draws: Draws, donors: Donors, columns: Columns) -> Corrupted:
        """Corrupt a batch, (B, V)."""
        others = max(len(donors) - 1, 1)
        limit = threshold(self.level)
        chosen, numbers = draws.below_with_numbers(columns.n_drawn(x), limit, others)  # (B, C)
        drawn, numbers = columns.spread(chosen), columns.spread(numbers)  # (B, V)
        own = donors.numbers_of(draws.samples)[:, None]
        if len(donors) > 1:
            numbers = numbers + (numbers >= own)
        numbers = torch.where(drawn, numbers, own)
        where = drawn.to(x.device, non_blocking=True)
        return Corrupted(torch.where(where, donors.values(numbers).to(x), x), where)

    def kernel_arguments(self, _n_visible: int) -> None:
        """Return None: the fused kernel does not have this noise."""

    def __str__(self) -> str:
        return f"{self.name}:{self.level!r}"


Noise = MaskingNoise | SaltAndPepperNoise | GaussianNoise | SwapNoise
NOISES: tuple[type[Noise], ...] = (MaskingNoise, SaltAndPepperNoise, GaussianNoise, SwapNoise)
_FORMS = (
    "a masking level in [0, 1], a noise object, or a text such as "
    f"{', '.join(kind.forms for kind in NOISES[:-1])} or {NOISES[-1].forms}"
)


def parse_noise(value: object, *, parameter: str = "corruption", caller: str = "noise") -> Noise:
    """Read a noise from an object, a text such as ``masking:0.3``, or a number (a masking level).

    Raises
    ------
    InvalidParameterError
        If `value` is not one of these; the message names `parameter` and `caller`.
    """
    if isinstance(value, NOISES):
        return value
    if is_number(value):
        return MaskingNoise(float(value))
    hint = ""
    if isinstance(value, str):
        name, *words = value.strip().split(":")
        kinds = {kind.name: kind for kind in NOISES}
        try:
            return kinds[name].of_words(*words)
        except InvalidParameterError:
            raise
        except (ValueError, TypeError):
            pass
        except KeyError:
            hint = did_you_mean(name, tuple(kinds))
    raise invalid_parameter(parameter, caller, _FORMS, value, hint)
