"""Weighted rows: the cost, its gradient, and what a weight of 0, 1 or 2 amounts to."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdae import finetune
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from tests.train.helpers import (
    labelled,
    network_of,
    parameters,
    small_stack,
    state_bytes,
    unit_rows,
)
from tests.train.reference import Floats

N = 10
W = np.array([3, 0, 1, 0.5, 2, 1, 0, 4, 1.25, 0.25])


def _steps(weights: NDArray[Any] | None, **settings: Any) -> tuple[bytes, list[float]]:
    stack = small_stack()
    own: dict[str, Any] = {"epochs": 3, "batch_size": 4, "engine": "autograd"} | settings
    history = finetune(stack, labelled(N), None, sample_weight=weights, **own)
    return state_bytes(stack), history.costs()


@pytest.mark.parametrize("batch_size", [1, 4, N])
def test_a_cost_is_the_mean_of_weight_times_loss(batch_size: int) -> None:
    stack, (x, y) = small_stack(dtype=torch.float64), labelled(N)
    with torch.no_grad():
        stack.head.weight.copy_(torch.linspace(-1, 1, 18).reshape(3, 6))
    losses = [stack.negative_log_likelihood(x[i : i + 1], y[i : i + 1]).item() for i in range(N)]
    history = finetune(
        stack, (x, y), None, epochs=1, learning_rate=0, batch_size=batch_size, sample_weight=W
    )
    assert history.costs() == pytest.approx([np.dot(W, losses) / W.sum()], rel=1e-12)


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_step_descends_on_the_weighted_mean_of_its_minibatch(shuffle: bool) -> None:
    """Against the equations in NumPy: a row of weight w counts as w rows do, over B."""
    stack, (x, y) = small_stack(dtype=torch.float64), labelled(N)
    twin = network_of(stack)
    order: NDArray[np.int64] = np.arange(N)
    if shuffle:
        order = visiting_order(NoiseKey(0, Stream.FINETUNING_ORDER, 0, 1), N)
    scaled = W / W.mean()
    for start in range(0, N, 4):
        own = order[start : start + 4]
        before = [twin.head_weight.copy(), twin.head_bias.copy()]
        hidden = [(layer.weight.copy(), layer.hidden_bias.copy()) for layer in twin.layers]
        change = [np.zeros_like(a) for a in (*before, *(b for pair in hidden for b in pair))]
        for sample in own:  # the step of each row alone, from the same place
            _restore(twin, before, hidden)
            twin.step(x[[sample]].astype(np.float64), y[[sample]], 0.1)
            after = [twin.head_weight, twin.head_bias]
            after += [a for layer in twin.layers for a in (layer.weight, layer.hidden_bias)]
            starts = [*before, *(b for pair in hidden for b in pair)]
            for total, new, old in zip(change, after, starts, strict=True):
                total += scaled[sample] / len(own) * (new - old)
        _restore(twin, before, hidden)
        twin.head_weight += change[0]
        twin.head_bias += change[1]
        for layer, weight, bias in zip(twin.layers, change[2::2], change[3::2], strict=True):
            layer.weight += weight
            layer.hidden_bias += bias
    finetune(stack, (x, y), None, epochs=1, batch_size=4, shuffle=shuffle, sample_weight=W)
    expected = network_of(stack)
    np.testing.assert_allclose(expected.head_weight, twin.head_weight, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(expected.head_bias, twin.head_bias, rtol=1e-11, atol=1e-14)
    for ours, theirs in zip(expected.layers, twin.layers, strict=True):
        np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-11)
        np.testing.assert_allclose(ours.hidden_bias, theirs.hidden_bias, rtol=1e-11, atol=1e-14)


def _restore(twin: Any, head: list[Floats], hidden: list[tuple[Floats, Floats]]) -> None:
    twin.head_weight, twin.head_bias = (a.copy() for a in head)
    for layer, (weight, bias) in zip(twin.layers, hidden, strict=True):
        layer.weight, layer.hidden_bias = weight.copy(), bias.copy()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_whole_weights_do_what_repeated_rows_do(optimizer: str) -> None:
    x, y = labelled(N)
    counts = np.array([2, 0, 1, 1, 3, 0, 1, 1, 2, 1])
    weighted, repeated = (small_stack(dtype=torch.float64) for _ in range(2))
    rows, labels = np.repeat(x, counts, axis=0), np.repeat(y, counts)
    # One step an epoch, on all rows: N rows, weighted, or the Σ w rows that they stand for.
    settings: dict[str, Any] = {"epochs": 20, "optimizer": optimizer, "learning_rate": 0.05}
    costs = finetune(weighted, (x, y), None, batch_size=N, sample_weight=counts, **settings).costs()
    expected = finetune(repeated, (rows, labels), None, batch_size=len(rows), **settings).costs()
    assert costs == pytest.approx(expected, rel=1e-10)
    for name, parameter in parameters(repeated).items():
        np.testing.assert_allclose(parameters(weighted)[name], parameter, rtol=1e-7, atol=1e-10)


def test_equal_weights_change_nothing_and_their_size_does_not_matter() -> None:
    assert _steps(np.ones(N)) == _steps(None)
    assert _steps(np.full(N, 8.0)) == _steps(None)
    assert _steps(16 * W) == _steps(W) != _steps(None)


def test_rows_of_weight_0_have_no_influence() -> None:
    x, y = labelled(N)
    other, labels = x.copy(), y.copy()
    other[W == 0] = 1 - unit_rows(2, 5)
    labels[W == 0] = (labels[W == 0] + 1) % 3
    one, two = small_stack(), small_stack()
    for stack, pair in ((one, (x, y)), (two, (other, labels))):
        finetune(stack, pair, None, epochs=3, batch_size=N, sample_weight=W)
    assert state_bytes(one) == state_bytes(two)


def test_weights_follow_their_rows_when_shuffled_and_are_never_changed() -> None:
    weights = W.copy()
    weights.flags.writeable = False
    assert _steps(weights, shuffle=True) == _steps(W, shuffle=True)
    assert _steps(W, shuffle=True)[0] != _steps(W[::-1], shuffle=True)[0]
    assert _steps(W[::-1].copy(), shuffle=True) == _steps(W[::-1], shuffle=True)


def test_weighted_rows_go_with_dropout_and_a_limited_norm() -> None:
    settings: dict[str, Any] = {"dropout": 0.3, "input_dropout": 0.1, "max_norm": 1.0}
    assert _steps(np.ones(N), **settings) == _steps(None, **settings) != _steps(W, **settings)


def test_weighted_rows_are_not_for_the_fused_engine() -> None:
    history = finetune(small_stack(), labelled(N), None, epochs=1, sample_weight=np.ones(N))
    assert history.records[0].engine == "compiled"
    with pytest.raises(
        InvalidParameterError,
        match=r"This engine cannot be used here: it does not support sample weights\. Use",
    ):
        finetune(small_stack(), labelled(N), None, engine="fused", sample_weight=np.ones(N))


def test_weights_that_are_none_are_refused_before_training() -> None:
    stack = small_stack()
    for weights, problem in (
        (W[1:], r"10 numbers, one per training row\. Got torch\.float64 of shape \(9,\) instead"),
        (-W, r"finite numbers ≥ 0\. Got -4\.0 to -0\.0 instead"),
        (
            0 * W,
            r"above 0 for at least one row\. Got zeros instead\. None weights all rows equally",
        ),
    ):
        with pytest.raises(
            DataError, match=rf"sample_weight parameter of finetune must be {problem}"
        ):
            finetune(stack, labelled(N), None, sample_weight=weights)
    assert state_bytes(stack) == state_bytes(small_stack())
