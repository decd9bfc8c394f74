"""Matrix products: right by either library, and PyTorch's usual one where oneDNN does not serve."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sdae.train.engines import products
from sdae.train.engines.products import product

sizes = st.integers(1, 70)


@pytest.fixture
def _probed_anew() -> Iterator[None]:
    products._has_onednn.cache_clear()
    yield
    products._has_onednn.cache_clear()


def _numbers(n: int, k: int, seed: int) -> Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed))


@given(n=sizes, m=sizes, k=sizes, turned=st.booleans(), with_bias=st.booleans())
def test_the_product_is_that_of_float64(
    n: int, m: int, k: int, turned: bool, with_bias: bool
) -> None:
    left, right, bias = _numbers(n, k, 1), _numbers(m, k, 2), _numbers(m, 1, 3)[:, 0]
    if turned:  # as gradients are: views whose columns lie side by side
        left, right = left.t().contiguous().t(), right.t().contiguous().t()
    result = product(left, right, bias if with_bias else None)
    expected = left.double() @ right.double().t() + (bias.double() if with_bias else 0)
    assert result.shape == (n, m)
    assert torch.allclose(result.double(), expected, rtol=0, atol=1e-6 * k)


def test_numbers_that_are_not_finite_are_seen() -> None:
    left, right = torch.ones(2, 3), torch.ones(4, 3)
    left[0, 0], right[1, 1] = torch.nan, torch.inf
    result = product(left, right)
    assert result[0].isnan().all()
    assert result[1].tolist() == [3.0, torch.inf, 3.0, 3.0]


def test_float64_goes_by_the_usual_product() -> None:
    left, right = _numbers(5, 30, 1).double(), _numbers(7, 30, 2).double()
    assert torch.equal(product(left, right), F.linear(left, right))


@pytest.mark.usefixtures("_probed_anew")
@pytest.mark.parametrize("fault", [AttributeError, TypeError, RuntimeError, None])
def test_where_the_operator_does_not_serve_the_usual_product_does(
    fault: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_onednn(left: Tensor, right: Tensor, _bias: Tensor | None) -> Tensor:
        if fault is not None:
            raise fault
        return torch.zeros(len(left), len(right))  # something else

    monkeypatch.setattr(products, "_by_onednn", by_onednn)
    left, right, bias = _numbers(5, 30, 1), _numbers(7, 30, 2), _numbers(7, 1, 3)[:, 0]
    assert torch.equal(product(left, right, bias), F.linear(left, right, bias))


@pytest.mark.usefixtures("_probed_anew")
def test_a_pytorch_with_onednn_has_the_operator() -> None:
    assert products._has_onednn() == torch.backends.mkldnn.is_available()


def test_onednn_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = _numbers(5, 30, 1), _numbers(7, 30, 2)
    product(left, right)  # it has been tried

    def by_onednn(_left: Tensor, _right: Tensor, _bias: Tensor | None) -> Tensor:
        raise AssertionError

    monkeypatch.setattr(products, "_by_onednn", by_onednn)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert torch.equal(product(left, right), F.linear(left, right))
