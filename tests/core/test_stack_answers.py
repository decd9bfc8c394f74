"""What a stack answers: codes, reconstructions, probabilities, classes and errors."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.kinds.activations import Activation
from tests.core.stacks import SIZES, C, V, labels, make, randomised, rows
from tests.core.values import REPEATABLE


@pytest.mark.parametrize("activation", Activation)
def test_depth_counts_layers_from_the_input(activation: str) -> None:
    stack, x = randomised(make(activation=activation)), torch.from_numpy(rows())
    h = x
    assert torch.equal(stack.encode(x, 0), x)
    for depth in (1, 2, 3):
        h = stack.autoencoder(depth - 1).encode(h)
        assert torch.equal(stack.encode(x, depth), h)
        torch.testing.assert_close(stack.mlp[: 2 * depth](x), h)
    assert torch.equal(stack.encode(x), h)


@pytest.mark.parametrize("activation", Activation)
def test_decoding_goes_back_down_through_the_same_layers(activation: str) -> None:
    stack, x = randomised(make(activation=activation, tied=False)), torch.from_numpy(rows())
    assert torch.equal(stack.decode(x, 0), x)
    for depth in (1, 2, 3):
        code = stack.encode(x, depth)
        x_hat = code
        for layer in reversed(range(depth)):
            x_hat = stack.autoencoder(layer).decode(x_hat)
        assert torch.equal(stack.decode(code, depth), x_hat)
        assert torch.equal(stack.reconstruct(x, depth), x_hat)
    assert torch.equal(stack.decode(stack.encode(x)), stack.reconstruct(x))


@pytest.mark.parametrize("depth", [-1, 4, 1.0, True, "1"])
def test_a_depth_outside_the_stack_is_refused(depth: Any) -> None:
    stack, x = make(), rows()
    text = f"an integer from 0 (the input) to 3 (the deepest code). Got {depth!r} instead."
    for call in (stack.encode, stack.decode, stack.reconstruct):
        with pytest.raises(InvalidParameterError, match=re.escape(text)):
            call(x, depth)


def test_a_zero_head_gives_uniform_probabilities() -> None:
    stack, x = make(), rows()
    assert torch.equal(stack.predict_proba(x), torch.full((6, C), 1 / C))
    assert stack.negative_log_likelihood(x, labels()).item() == pytest.approx(np.log(C), rel=1e-6)
    assert not stack.predict(x).any()


def test_predictions_follow_from_the_logits() -> None:
    stack, x = randomised(make()), rows(200)
    logits = stack.logits(x)
    assert torch.equal(stack(x), logits)
    torch.testing.assert_close(stack.mlp(torch.from_numpy(x)), logits)
    e = torch.exp(logits.double())
    torch.testing.assert_close(
        stack.predict_proba(x), (e / e.sum(dim=1, keepdim=True)).float(), rtol=1e-5, atol=1e-7
    )
    assert torch.equal(stack.predict(x), logits.argmax(dim=1))
    assert stack.predict(x).dtype == torch.int64
    assert len(stack.predict(x).unique()) > 1


def test_errors_are_the_share_of_wrong_classes() -> None:
    stack, x = randomised(make()), rows(8)
    right = stack.predict(x)
    y = right.clone()
    y[:3] = (y[:3] + 1) % C
    assert stack.errors(x, y).item() == 3 / 8
    assert stack.errors(x, right).item() == 0
    assert stack.errors(x, (right + 1) % C).item() == 1


def test_the_negative_log_likelihood_is_a_mean() -> None:
    stack, x, y = randomised(make(dtype=torch.float64)), rows(8), labels(8)
    each = [stack.negative_log_likelihood(x[i : i + 1], y[i : i + 1]).item() for i in range(8)]
    assert stack.negative_log_likelihood(x, y).item() == pytest.approx(np.mean(each), rel=1e-12)
    p = stack.predict_proba(x)[torch.arange(8), torch.from_numpy(y)]
    assert each == pytest.approx((-torch.log(p)).tolist(), rel=1e-12)


def test_predictions_carry_no_gradients_and_costs_do() -> None:
    stack, x, y = make(), rows(), labels()
    assert not stack.predict_proba(x).requires_grad
    assert stack.negative_log_likelihood(x, y).requires_grad
    assert stack.encode(x).requires_grad
    assert stack.logits(x).requires_grad


def test_many_rows_in_chunks_are_answered_like_few() -> None:
    stack, x = randomised(make(dtype=torch.float64)), rows(2500)
    with torch.no_grad():
        logits = stack.logits(x)
    torch.testing.assert_close(stack.predict_proba(x), torch.softmax(logits, dim=1))
    assert torch.equal(stack.predict(x), logits.argmax(dim=1))
    for part in (slice(0, 3), slice(1022, 1026), slice(2047, 2050), slice(2497, 2500)):
        torch.testing.assert_close(stack.predict_proba(x[part]), stack.predict_proba(x)[part])


def test_no_rows_give_no_answers() -> None:
    stack, x = make(), rows(0)
    assert stack.encode(x).shape == (0, SIZES[-1])
    assert stack.predict(x).shape == (0,)
    assert stack.predict_proba(x).shape == (0, C)


@REPEATABLE
@given(
    st.sampled_from(["f4", "f8", ">f4", ">f8", "u1", "i8", "?"]),
    st.sampled_from(["plain", "read-only", "reversed", "transposed", "tensor", "list"]),
)
def test_rows_of_any_type_and_layout_are_answered_alike_and_left_alone(
    kind: str, layout: str
) -> None:
    stack = randomised(make())
    x: Any = (np.arange(6 * V).reshape(6, V) % 3 % 2).astype(kind)
    expected = stack.predict_proba(x.astype(np.float32))
    if layout == "reversed":
        x = x[::-1, ::-1].copy()[::-1, ::-1]
    elif layout == "transposed":
        x = np.asfortranarray(x)
    elif layout == "read-only":
        x.flags.writeable = False
    elif layout == "tensor":
        x = torch.from_numpy(x.astype(x.dtype.newbyteorder("=")))
    elif layout == "list":
        x = x.tolist()
    before = torch.tensor(x).tolist() if isinstance(x, list) else x.tolist()
    torch.testing.assert_close(stack.predict_proba(x), expected)
    assert stack.reconstruct(x).shape == (6, V)
    assert stack.decode(stack.encode(x, 0), 0).shape == (6, V)
    assert (x if isinstance(x, list) else x.tolist()) == before


@pytest.mark.parametrize("kind", ["i8", "i4", "u1", "u2", "u8", ">i8"])
def test_labels_of_any_integer_type_are_read_alike(kind: str) -> None:
    stack, x, y = randomised(make()), rows(), labels()
    typed: Any = y.astype(kind)
    assert stack.errors(x, typed) == stack.errors(x, y)
    assert stack.errors(x, y.tolist()) == stack.errors(x, y)
    expected = stack.negative_log_likelihood(x, y)
    assert torch.equal(stack.negative_log_likelihood(x, typed), expected)


@pytest.mark.parametrize("shape", [(V,), (2, V + 1), (2, V, 1)])
def test_rows_of_another_shape_are_refused_with_the_remedy(shape: tuple[int, ...]) -> None:
    stack, x = make(), np.zeros(shape, dtype=np.float32)
    for call in (stack.encode, stack.logits, stack.predict, stack.predict_proba):
        with pytest.raises(InvalidParameterError) as caught:
            call(x)
        assert str(caught.value).startswith(
            f"The x parameter of StackedDenoisingAutoencoder must be a 2-D array with {V} columns. "
        )
        assert str(caught.value).endswith("Reshape a single row with x.reshape(1, -1).")
    with pytest.raises(InvalidParameterError, match=r"a 2-D array with 7 columns"):
        stack.decode(rows(2), 2)


@pytest.mark.parametrize(
    ("y", "got"),
    [
        ([0, 1, 2], "shape (3,) from 0 to 2"),
        ([[0]] * 6, "shape (6, 1)"),
        ([0, 1, 2, 3, 0, 4], "from 0 to 4"),
        ([0, 1, 2, 3, 0, -1], "from -1 to 3"),
        ([0.0] * 6, "torch.float64 of shape (6,)"),
        ([True] * 6, "torch.bool of shape (6,)"),
    ],
    ids=str,
)
def test_what_are_no_labels_of_the_rows_is_refused(y: Any, got: str) -> None:
    stack, x = make(), rows()
    for call in (stack.errors, stack.negative_log_likelihood):
        with pytest.raises(InvalidParameterError) as caught:
            call(x, np.array(y))
        assert "must be 6 integers in [0, 4), one per row. Got" in str(caught.value)
        assert got in str(caught.value)


def test_text_labels_are_refused() -> None:
    with pytest.raises(DataError, match=r"must be numbers. Got an array of <U1 instead"):
        make().errors(rows(), np.array(list("abcabc")))
