"""Labels, values and weights of rows: what is taken, and what is refused in words."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from sdae.core.errors import DataError
from sdae.core.targets import label_tensor, value_tensor, weight_tensor

LIKE = torch.zeros(1)


@pytest.mark.parametrize("kind", ["i8", "i4", "u1", "u2", "u8", ">i8"])
def test_labels_become_int64(kind: str) -> None:
    y: Any = np.array([3, 0, 1]).astype(kind)
    labels = label_tensor(y, 3, 4, "the train set", LIKE)
    assert labels.dtype == torch.int64
    assert labels.tolist() == [3, 0, 1]


@pytest.mark.parametrize(
    ("y", "problem"),
    [
        ([0, 1], r"must have shape \(3,\), one per row. Got shape \(2,\) instead"),
        ([[0], [1], [2]], r"must have shape \(3,\), one per row. Got shape \(3, 1\) instead"),
        ([0.0, 1.0, 2.0], r"must be integers. Got torch.float64 instead"),
        ([True, False, True], r"must be integers. Got torch.bool instead"),
        ([0, 1, 4], r"must be in \[0, 4\), the classes of the stack. Got 0 to 4 instead"),
        ([0, 1, -1], r"must be in \[0, 4\), the classes of the stack. Got -1 to 1 instead"),
        (["a", "b", "c"], r"must be (integers|numbers)"),
    ],
    ids=str,
)
def test_what_are_no_labels_of_the_rows_is_refused(y: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        label_tensor(np.array(y), 3, 4, "the train set", LIKE)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
@pytest.mark.parametrize("kind", ["f4", "f8", ">f8", "i8", "u1"])
def test_values_of_one_target_may_be_a_column_or_not(kind: str, shape: tuple[int, ...]) -> None:
    y: Any = np.array([3, 0, 1]).astype(kind).reshape(shape)
    values = value_tensor(y, 3, 1, "the train set", LIKE)
    assert values.dtype == torch.float32
    assert values.tolist() == [[3], [0], [1]]


def test_values_of_several_targets_keep_their_places() -> None:
    y = np.arange(6.0).reshape(3, 2)
    assert value_tensor(y, 3, 2, "the train set", LIKE.double()).tolist() == y.tolist()
    assert value_tensor(np.eye(2), 2, 2, "the train set", LIKE).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("y", "n_targets", "problem"),
    [
        ([0.0, 1.0], 1, "must have shape (3,) or (3, 1), one value per row. Got shape (2,) inst"),
        ([0.0, 1.0, 2.0], 2, "must have shape (3, 2), 2 values per row. Got shape (3,) instead."),
        (np.zeros((2, 3)), 2, "must have shape (3, 2), 2 values per row. Got shape (2, 3) instead"),
        (np.zeros((3, 2)), 1, "must have shape (3,) or (3, 1), one value per row. Got shape (3, 2"),
        ([True, False, True], 1, "must be real numbers. Got torch.bool instead."),
        (
            [0.0, np.nan, np.inf],
            1,
            "must be finite. Got NaN or infinity instead, first in row 1. Drop these rows.",
        ),
    ],
    ids=str,
)
def test_what_are_no_values_of_the_rows_is_refused(y: Any, n_targets: int, problem: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"The values of the train set {problem}")):
        value_tensor(np.array(y), 3, n_targets, "the train set", LIKE)


def test_a_value_too_large_for_the_type_of_training_is_refused() -> None:
    told = r"must be finite\. Got 1e\+39, too large for float32, first in row 2\. Divide all of"
    with pytest.raises(DataError, match=told):
        value_tensor(np.array([0.0, 1e38, 1e39]), 3, 1, "the train set", LIKE)
    value_tensor(np.array([0.0, 1e38, 1e39]), 3, 1, "the train set", LIKE.double())


@pytest.mark.parametrize("factor", [1.0, 1e300, 1e-320])
def test_weights_are_scaled_to_mean_1(factor: float) -> None:
    weights = weight_tensor(factor * np.array([0, 100, 300.0]), 3, "finetune", LIKE.double())
    assert weights.tolist() == pytest.approx([0, 0.75, 2.25], rel=0.05 if factor < 1 else 1e-14)
    assert weights.mean().item() == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("weights", [[1, 3], [True, True], torch.tensor([2.0, 2.0])], ids=str)
def test_weights_may_have_any_type_of_numbers(weights: Any) -> None:
    own = np.array(weights) if isinstance(weights, list) else weights
    scaled = weight_tensor(own, 2, "finetune", LIKE)
    assert scaled.dtype == torch.float32
    assert scaled.tolist() == ([0.5, 1.5] if weights == [1, 3] else [1, 1])


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ([1.0, 2.0], "3 numbers, one per training row. Got torch.float64 of shape (2,) instead."),
        ([[1.0]] * 3, "3 numbers, one per training row. Got torch.float64 of shape (3, 1) inst"),
        ([1.0, -0.5, 2.0], "finite numbers ≥ 0. Got -0.5 to 2.0 instead."),
        ([1.0, np.inf, 2.0], "finite numbers ≥ 0. Got 1.0 to inf instead."),
        ([1.0, np.nan, 2.0], "finite numbers ≥ 0. Got nan to nan instead."),
        (
            [0, 0, 0],
            "above 0 for at least one row. Got zeros instead. None weights all rows equally.",
        ),
    ],
    ids=str,
)
def test_what_are_no_weights_of_the_rows_is_refused(weights: Any, problem: str) -> None:
    text = f"The sample_weight parameter of finetune must be {problem}"
    with pytest.raises(DataError, match=re.escape(text)):
        weight_tensor(np.array(weights), 3, "finetune", LIKE)
