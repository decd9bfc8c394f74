"""A stack with a regression head: how it gets one, what it answers, what it leaves to the other."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.errors import InvalidParameterError
from tests.core.stacks import SIZES, C, V, labels, make, randomised, rows

T = 3


def _regressor(**options: Any) -> StackedDenoisingAutoencoder:
    return make(**({"n_classes": None, "n_targets": T} | options))


def test_a_regression_head_is_linear_and_initially_zero() -> None:
    stack = _regressor()
    assert (stack.n_classes, stack.n_targets, stack.n_outputs) == (None, T, T)
    assert stack.head is stack.mlp[-1]
    assert stack.head.weight.shape == (T, SIZES[-1])
    assert not stack.head.weight.any()
    assert not stack.head.bias.any()
    assert torch.equal(stack.predict_values(rows()), torch.zeros(6, T))


def test_a_stack_gets_its_regression_head_later() -> None:
    stack = make(n_classes=None, dtype=torch.float64)
    assert (stack.n_targets, stack.n_outputs) == (None, None)
    stack.add_regression_head(1)
    assert (stack.n_classes, stack.n_targets) == (None, 1)
    assert stack.head.weight.dtype == torch.float64
    assert stack.predict_values(rows()).shape == (6, 1)


def test_a_classifier_has_no_targets() -> None:
    stack = make()
    assert (stack.n_classes, stack.n_targets, stack.n_outputs) == (C, None, C)
    assert stack.logistic_head is stack.head


def test_predicted_values_are_the_network_s_output_without_gradients() -> None:
    stack, x = randomised(_regressor(dtype=torch.float64)), rows(2500)
    values = stack.predict_values(x)
    expected = stack.encode(x) @ stack.head.weight.T + stack.head.bias  # (B, H) -> (B, T)
    torch.testing.assert_close(values, expected.detach())
    torch.testing.assert_close(stack.mlp(torch.from_numpy(x).double()), expected)
    assert torch.equal(stack(x), stack.output(x))
    assert not values.requires_grad
    assert stack(x).requires_grad
    assert stack.predict_values(rows(0)).shape == (0, T)


@pytest.mark.parametrize(("n_targets", "number"), [(1, "1 target"), (3, "3 targets")])
def test_a_regression_head_knows_no_classes(n_targets: int, number: str) -> None:
    stack, x = _regressor(n_targets=n_targets), rows()
    text = (
        f"The stack has a regression head for {number}, which does not predict classes. "
        "Use predict_values."
    )
    for call in (stack.logits, stack.predict_proba, stack.predict):
        with pytest.raises(InvalidParameterError, match=f"^{re.escape(text)}$"):
            call(x)
    for measure in (stack.errors, stack.negative_log_likelihood):
        with pytest.raises(InvalidParameterError, match=f"^{re.escape(text)}$"):
            measure(x, labels())


def test_a_head_for_classes_predicts_no_values() -> None:
    text = "The stack has a head for 4 classes, which does not predict values. Use predict_proba or"
    with pytest.raises(InvalidParameterError, match=text):
        make().predict_values(rows())


def test_without_a_head_there_are_no_values() -> None:
    text = "has no head, so it cannot predict. Give it n_classes, n_labels or n_targets, or call "
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        make(n_classes=None).predict_values(rows())


def test_a_stack_has_either_classes_or_targets() -> None:
    text = (
        "The n_targets parameter of StackedDenoisingAutoencoder must be None where n_classes is "
        "given: a network has one head. Got 3 instead. Make a separate network for each."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        make(n_classes=C, n_targets=T)


@pytest.mark.parametrize("n_targets", [0, -1, 2.0, True, "3"])
def test_a_regression_head_has_at_least_one_target(n_targets: Any) -> None:
    name = "StackedDenoisingAutoencoder"
    text = f"The n_targets parameter of {name} must be an integer ≥ 1. Got {n_targets!r}"
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        _regressor(n_targets=n_targets)
    stack = make(n_classes=None)
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        stack.add_regression_head(n_targets)
    assert stack.n_targets is None


def test_a_second_head_is_refused_whatever_its_kind() -> None:
    text = "The stack has a head for 3 values already. Build a new stack, or use this one."
    for add in ("add_head", "add_regression_head"):
        with pytest.raises(InvalidParameterError, match=f"^{re.escape(text)}$"):
            getattr(_regressor(), add)(2)
    with pytest.raises(InvalidParameterError, match="has a head for 4 classes already"):
        make().add_regression_head(2)


def test_a_numpy_integer_is_a_number_of_targets_too() -> None:
    stack = _regressor(n_targets=np.int64(2))
    assert type(stack.n_targets) is int
    assert stack.encode(rows()).shape == (6, SIZES[-1])
    assert stack.reconstruct(rows()).shape == (6, V)
