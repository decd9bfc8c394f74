"""Whether costs and parameters are finite."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.train.engines.safeguard import NotFiniteError, check_finite

SAMPLES = np.array([7, 3, 9, 5])
COSTS = np.array([0.5, -1e200, 1e200, 1.0])  # their squares are infinite


def _numbers(n: int, kind: str, *values: float) -> NDArray[np.floating]:
    numbers = np.ones(n, kind)
    numbers[n // 2 :][: len(values)] = values
    return numbers


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("n", [4, 1 << 14, 1 << 17])
def test_large_numbers_are_finite(n: int, kind: str) -> None:
    large = float(np.finfo(kind).max) / 4
    check_finite(COSTS, SAMPLES, _numbers(n, kind, large, -large), _numbers(n, kind))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("n", [4, 1 << 14, 1 << 17])
def test_a_parameter_that_is_not_finite_is_seen(n: int, kind: str, value: float) -> None:
    for values in ((value,), (value, -value)):
        with pytest.raises(NotFiniteError, match="A parameter is not finite at sample 5"):
            check_finite(COSTS, SAMPLES, _numbers(n, kind), _numbers(n, kind, *values))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_sample_whose_cost_is_not_finite_is_named(value: float) -> None:
    costs = np.array([1.0, value, 1.0, -value])
    with pytest.raises(NotFiniteError, match="The cost is not finite at sample 3"):
        check_finite(costs, SAMPLES, _numbers(4, "f4", np.nan))
