"""Arrays become tensors of the same values, and are never written to."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae.core.conversions import as_tensor, tensor_like
from sdae.core.errors import DataError

LIKE = torch.zeros(1, dtype=torch.float32)
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


SHAPES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "contiguous": lambda array: array.copy(),
    "read-only": _read_only,
    "transposed": lambda array: np.asfortranarray(array),
    "every second column": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "rows reversed": lambda array: array[::-1].copy()[::-1],
    "columns reversed": lambda array: array[:, ::-1].copy()[:, ::-1],
    "broadcast": lambda array: np.broadcast_to(array, array.shape),
}
TYPES = ["<f4", "<f8", ">f4", ">f8", "f2", "i8", "i4", "i2", "i1", "u1", "u2", "u4", "u8", "?"]


@pytest.mark.parametrize("layout", SHAPES)
@pytest.mark.parametrize("kind", TYPES)
def test_an_array_of_any_type_and_layout_keeps_its_values(kind: str, layout: str) -> None:
    array = SHAPES[layout](VALUES.astype(kind))
    before = array.copy()
    tensor = tensor_like(array, LIKE)
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == array.astype(np.float32).tolist()
    tensor += 1
    if not array.flags.writeable:
        assert (array == before).all()


@pytest.mark.parametrize("kind", [">i8", ">i4", "i8", "i4", "u1"])
def test_labels_keep_their_values(kind: str) -> None:
    labels = np.array([3, 0, 2]).astype(kind)
    assert as_tensor(labels).tolist() == [3, 0, 2]
    assert as_tensor(labels[::-1]).tolist() == [2, 0, 3]


def test_lists_become_tensors() -> None:
    rows: Any = [[1, 2.5], [3, 4]]
    assert tensor_like(rows, LIKE).tolist() == [[1, 2.5], [3, 4]]
    labels: Any = [1, 0, 2]
    assert as_tensor(labels).dtype == torch.int64
    assert as_tensor(labels).tolist() == labels


@pytest.mark.parametrize("values", [["a", "b"], [None, 1], [1j, 2]], ids=str)
def test_what_are_no_numbers_is_refused(values: list[object]) -> None:
    array: Any = np.array(values)
    with pytest.raises(DataError, match=f"must be numbers. Got an array of {array.dtype} instead"):
        as_tensor(array)


def test_memory_is_shared_where_it_can_be() -> None:
    array = VALUES.copy()
    tensor = as_tensor(array)
    array[0, 0] = 99
    assert tensor[0, 0] == 99


def test_memory_of_a_read_only_array_is_not_shared() -> None:
    array = _read_only(VALUES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = as_tensor(array)
    tensor.zero_()
    assert (array == VALUES).all()


def test_a_tensor_is_taken_as_it_is() -> None:
    tensor = torch.ones(2, 3)
    assert as_tensor(tensor) is tensor
    assert tensor_like(tensor, LIKE) is tensor


def test_a_tensor_takes_the_type_it_is_to_have() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    assert tensor_like(torch.ones(2, 3), like).dtype == torch.float64
    assert tensor_like(VALUES, like).dtype == torch.float64
