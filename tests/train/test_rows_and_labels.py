"""What both stages take as rows and labels, what they refuse, and that they change neither."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae import finetune, pretrain
from sdae.core.conversions import Array
from sdae.core.errors import DataError, InvalidParameterError
from tests.train.helpers import (
    V,
    classes,
    labelled,
    parameters,
    small_stack,
    state_bytes,
    unit_rows,
)

N = 12
FORMS: dict[str, Callable[[NDArray[np.float32]], Array]] = {
    "float64": lambda x: x.astype(np.float64),
    "tensor": torch.from_numpy,
    "double tensor": lambda x: torch.from_numpy(x.astype(np.float64)),
    "every other column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed view": lambda x: x[::-1].copy()[::-1],
    "other byte order": lambda x: x.astype(">f4"),
}


def _train(x: Any, y: Any, codes: str = "auto") -> bytes:
    stack = small_stack(noise="gaussian:0.3")
    pretrain(stack, x, epochs=2, batch_size=5, shuffle=True, codes=codes)
    pair = (x, y)
    finetune(stack, pair, pair, pair, epochs=2, batch_size=5, input_dropout=0.2)
    return state_bytes(stack)


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_rows_does_not_matter(form: str) -> None:
    x, y = labelled(N)
    assert _train(FORMS[form](x), y) == _train(x, y)


def test_rows_laid_out_by_columns_differ_by_rounding_alone() -> None:
    x = unit_rows(N)
    by_columns = torch.from_numpy(x.T.copy()).t()
    expected, array, tensor = (small_stack() for _ in range(3))
    pretrain(expected, x, epochs=2, batch_size=5)
    pretrain(array, np.asfortranarray(x), epochs=2, batch_size=5)
    pretrain(tensor, by_columns, epochs=2, batch_size=5)
    for name, p in parameters(expected).items():
        np.testing.assert_allclose(parameters(array)[name], p, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(parameters(tensor)[name], p, rtol=1e-5, atol=1e-7)


def test_whole_numbers_are_rows_too() -> None:
    x = np.random.default_rng(0).integers(2, size=(N, V)).astype(np.float32)
    whole = x.astype(np.uint8)
    assert _train(whole, classes(N)) == _train(x, classes(N))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_labels_may_have_any_integer_type(dtype: type[np.integer]) -> None:
    x, y = labelled(N)
    assert _train(x, y.astype(dtype)) == _train(x, y)
    assert _train(x, torch.from_numpy(y.astype(dtype))) == _train(x, y)


@pytest.mark.parametrize("codes", ["memory", "memmap", "recompute"])
def test_rows_and_labels_are_never_changed(codes: str) -> None:
    x, y = labelled(N)
    rows, labels = x.copy(), y.copy()
    for own in (x, torch.from_numpy(x), x.astype(np.float64)):
        _train(own, y, codes)
        np.testing.assert_array_equal(torch.as_tensor(own).numpy(), rows)
        np.testing.assert_array_equal(y, labels)


def test_read_only_rows_and_labels_are_as_good() -> None:
    x, y = labelled(N)
    expected = _train(x, y)
    x.flags.writeable = y.flags.writeable = False
    assert _train(x, y) == expected


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_memory_mapped_rows_give_the_same_bytes_and_stay_as_they_are(
    mode: Literal["r", "c", "r+"], tmp_path: Path
) -> None:
    x, y = labelled(N)
    np.save(tmp_path / "x.npy", x)
    content = (tmp_path / "x.npy").read_bytes()
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    assert isinstance(mapped, np.memmap)
    assert _train(mapped, y) == _train(x, y)
    assert (tmp_path / "x.npy").read_bytes() == content


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (np.zeros((4, V + 1)), rf"\(4, {V + 1}\)"),
        (np.zeros((4, V - 1)), rf"\(4, {V - 1}\)"),
        (np.zeros((0, V)), rf"\(0, {V}\)"),
        (np.zeros(V), rf"\({V},\)"),
        (np.zeros((2, 2, V)), rf"\(2, 2, {V}\)"),
    ],
)
def test_rows_of_another_shape_are_refused(x: Array, shape: str) -> None:
    wanted = rf"must have shape \(n ≥ 1, {V}\), a row per sample\. Got shape {shape} instead"
    with pytest.raises(DataError, match=rf"^x {wanted}"):
        pretrain(small_stack(), x)
    good = labelled(4)
    y = np.zeros(len(x), dtype=np.int64)
    for name, arguments in {
        "training": ((x, y), good, good),
        "validation": (good, (x, y), good),
        "test": (good, good, (x, y)),
    }.items():
        with pytest.raises(DataError, match=rf"^x of the {name} set {wanted}"):
            finetune(small_stack(), *arguments)


def test_rows_that_are_no_numbers_are_refused() -> None:
    text: Any = np.full((4, V), "a")
    with pytest.raises(DataError, match=r"x must be an array of numbers\. Got dtype <U1 instead"):
        pretrain(small_stack(), text)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_place(
    value: float, tmp_path: Path
) -> None:
    x = np.zeros((5000, V), dtype=np.float32)
    x[4999, 3] = value
    message = r"values that are not finite \(NaN or infinity\) in rows 4096 to 4999"
    with pytest.raises(DataError, match=f"^x has {message}"):
        pretrain(small_stack(), x)
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match=f"^x has {message}"):
        pretrain(small_stack(), np.load(tmp_path / "x.npy", mmap_mode="r"))
    stack = small_stack()
    with pytest.raises(DataError, match=f"x of the test set has {message}"):
        finetune(stack, labelled(4), None, (x, np.zeros(5000, dtype=np.int64)))
    assert state_bytes(stack) == state_bytes(small_stack())


@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_cross_entropy_refuses_rows_outside_the_unit_interval(value: float) -> None:
    x = unit_rows(10)
    x[3, 2] = value
    bounds = f"from {min(value, float(x.min())):.6g} to {max(value, float(x.max())):.6g}"
    stack = small_stack()
    with pytest.raises(
        DataError,
        match=r"^Layer 0 has the sigmoid decoder with cross-entropy, which needs data in \[0, 1\], "
        rf"but x goes {bounds}\. Scale the data, or use decoder='linear'\.$",
    ):
        pretrain(stack, x)
    assert state_bytes(stack) == state_bytes(small_stack())
    pretrain(small_stack(decoder="linear"), x, epochs=1)


def test_zero_and_one_are_inside_the_unit_interval() -> None:
    pretrain(small_stack(), np.eye(V, dtype=np.float32), epochs=1)


def test_cross_entropy_refuses_codes_outside_the_unit_interval() -> None:
    stack = small_stack(activation="tanh", decoder=["linear", "sigmoid"])
    with pytest.raises(DataError, match=r"^Layer 1 .* but the codes of layer 0 goe?s? from -"):
        pretrain(stack, unit_rows(10), epochs=1)


def test_fine_tuning_takes_rows_outside_the_unit_interval() -> None:
    x, y = labelled(10)
    finetune(small_stack(), (10 * x - 5, y), (10 * x - 5, y), epochs=1)


_WRONG_LABELS = [
    (np.zeros(9, dtype=np.int64), r"must have shape \(10,\), one per row\. Got shape \(9,\)"),
    (np.zeros((10, 1), dtype=np.int64), r"must have shape \(10,\).* Got shape \(10, 1\)"),
    (np.zeros(10), r"must be integers\. Got torch\.float64 instead"),
    (np.zeros(10, dtype=bool), r"must be integers\. Got torch\.bool instead"),
    (np.arange(10), r"must be in \[0, 3\), the classes of the stack\. Got 0 to 9 instead"),
    (-np.ones(10, dtype=np.int64), r"must be in \[0, 3\).* Got -1 to -1 instead"),
]


@pytest.mark.parametrize(("y", "message"), _WRONG_LABELS, ids=[m[:30] for _, m in _WRONG_LABELS])
@pytest.mark.parametrize("which", ["training", "validation", "test"])
def test_labels_of_another_shape_type_or_range_are_refused(
    y: NDArray[Any],
    message: str,
    which: str,
) -> None:
    sets = {name: labelled(10) for name in ("training", "validation", "test")}
    sets[which] = (sets[which][0], y)
    stack = small_stack()
    with pytest.raises(DataError, match=f"^The labels of the {which} set {message}"):
        finetune(stack, *sets.values())
    assert state_bytes(stack) == state_bytes(small_stack())


@pytest.mark.parametrize("which", ["training", "validation", "test"])
def test_rows_come_with_their_labels_as_a_pair(which: str) -> None:
    sets: dict[str, Any] = {name: labelled(10) for name in ("training", "validation", "test")}
    x, y = sets[which]
    for given, got in (((x, y, y), "a tuple of 3"), (x, "a ndarray"), ([x], "a list of 1")):
        sets[which] = given
        with pytest.raises(DataError, match=rf"^The {which} set must be a pair .* Got {got}"):
            finetune(small_stack(), *sets.values())


def test_labels_that_are_text_are_refused() -> None:
    x, _ = labelled(4)
    text: Any = np.full(4, "a")
    with pytest.raises(DataError, match=r"must be numbers\. Got an array of <U1 instead"):
        finetune(small_stack(), (x, text), None)


def test_fine_tuning_without_a_head_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        InvalidParameterError, match=r"The stack has no head.*call add_head\(n_classes\)"
    ):
        finetune(small_stack(n_classes=None), labelled(4), None)
