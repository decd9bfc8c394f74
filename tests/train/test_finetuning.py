"""What fine-tuning does: its records, what it moves, its order, and the parameters it ends with."""

import copy

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from sdae.train.callbacks import Event, SliceEnded, ValidationImproved
from tests.train.helpers import (
    Recorder,
    classes,
    labelled,
    moved,
    network_of,
    parameters,
    small_stack,
    state_bytes,
    unit_rows,
)


def test_there_is_a_record_per_epoch_with_the_errors_measured_in_it() -> None:
    stack, pair = small_stack(), labelled(20)
    history = finetune(stack, pair, pair, labelled(15, 2), epochs=3, learning_rate=0.01)
    assert [(r.stage, r.layer, r.epoch) for r in history.records] == [
        ("finetuning", None, epoch) for epoch in (1, 2, 3)
    ]
    for record in history.records:
        assert record.engine == "fused"
        assert record.learning_rate == 0.01
        assert record.samples_per_second == pytest.approx(20 / record.seconds)
        assert record.validation_error is not None
    assert history.records[0].test_error is not None
    assert not history.stopped_early


def test_the_defaults_are_the_tutorial_s() -> None:
    pair = labelled(6)
    defaults, stated = small_stack(), small_stack()
    finetune(defaults, pair, pair)
    finetune(
        stated,
        pair,
        pair,
        epochs=1000,
        learning_rate=0.1,
        batch_size=1,
        shuffle=False,
        patience_epochs=10,
        patience_increase=2.0,
        improvement_threshold=0.995,
        restore_best=True,
        early_stopping=True,
    )
    assert state_bytes(defaults) == state_bytes(stated)


@pytest.mark.parametrize("batch_size", [1, 4, 10, 99])
def test_the_cost_is_the_mean_over_samples_at_rate_zero(batch_size: int) -> None:
    stack, (x, _) = small_stack(dtype=torch.float64), labelled(10)
    y = classes(10)
    with torch.no_grad():
        stack.head.weight.copy_(torch.linspace(-1, 1, 18).reshape(3, 6))
    expected = stack.negative_log_likelihood(x, y).item()
    history = finetune(stack, (x, y), None, epochs=1, learning_rate=0.0, batch_size=batch_size)
    assert history.costs() == pytest.approx([expected], rel=1e-12)


def test_each_cost_is_measured_before_the_update_it_leads_to() -> None:
    stack, (x, y) = small_stack(dtype=torch.float64), labelled(10)
    expected = []
    costs = []
    for _ in range(3):
        expected.append(stack.negative_log_likelihood(x, y).item())
        costs += finetune(stack, (x, y), None, epochs=1, batch_size=10).costs()
    assert costs == pytest.approx(expected, rel=1e-12)
    assert costs[0] == pytest.approx(np.log(3))


def test_the_smaller_last_minibatch_is_used_unless_it_is_to_be_dropped() -> None:
    x, y = labelled(10)
    everything, dropped, truncated = (small_stack() for _ in range(3))
    seen, less = Recorder(), Recorder()
    finetune(everything, (x, y), None, epochs=2, batch_size=4, callbacks=[seen])
    finetune(dropped, (x, y), None, epochs=2, batch_size=4, drop_last=True, callbacks=[less])
    finetune(truncated, (x[:8], y[:8]), None, epochs=2, batch_size=4)
    assert (seen.n_samples, less.n_samples) == (20, 16)
    assert state_bytes(dropped) == state_bytes(truncated) != state_bytes(everything)


def test_dropping_the_last_minibatch_needs_at_least_one_whole_one() -> None:
    with pytest.raises(
        ValueError,
        match=r"batch_size parameter of finetune must be at most the 10 training rows with "
        r"drop_last\. Got 11 instead",
    ):
        finetune(small_stack(), labelled(10), None, batch_size=11, drop_last=True)


@pytest.mark.parametrize("tied", [True, False])
def test_all_parameters_but_those_of_the_decoders_move(tied: bool) -> None:
    stack, pair = small_stack(tied=tied), labelled(10)
    before = parameters(stack)
    finetune(stack, pair, None, epochs=2)
    stays = {f"autoencoders.{k}.{name}" for k in (0, 1) for name in ("visible_bias",)}
    if not tied:
        stays |= {f"autoencoders.{k}.decoder_weight" for k in (0, 1)}
    assert moved(before, stack) == set(before) - stays


@pytest.mark.parametrize("tied", [True, False])
def test_weight_decay_and_a_limited_norm_leave_the_decoders_alone_too(tied: bool) -> None:
    stack, pair = small_stack(tied=tied), labelled(10)
    with torch.no_grad():
        for k in (0, 1):
            stack.autoencoder(k).visible_bias.fill_(0.5)
    before = parameters(stack)
    finetune(
        stack, pair, None, epochs=2, optimizer="adamw", weight_decay=0.1, max_norm=0.5, momentum=0.9
    )
    names = moved(before, stack)
    assert not any(name.endswith(("visible_bias", "decoder_weight")) for name in names)


def test_each_epoch_visits_the_rows_in_a_new_order() -> None:
    seed, n, batch_size = 12, 10, 4
    stack = small_stack(dtype=torch.float64)
    twin = network_of(stack)
    x, y = unit_rows(n), classes(n)
    finetune(stack, (x, y), None, epochs=3, batch_size=batch_size, shuffle=True, seed=seed)
    orders = [
        visiting_order(NoiseKey(seed, Stream.FINETUNING_ORDER, 0, epoch), n) for epoch in (1, 2, 3)
    ]
    assert len({order.tobytes() for order in orders}) == 3
    for order in orders:
        assert sorted(order) == list(range(n))
        for start in range(0, n, batch_size):
            chosen = order[start : start + batch_size]
            twin.step(x[chosen].astype(np.float64), y[chosen], 0.1)
    for k, layer in enumerate(twin.layers):
        np.testing.assert_allclose(
            parameters(stack.autoencoder(k))["weight"], layer.weight, rtol=1e-10
        )
    np.testing.assert_allclose(parameters(stack.head)["weight"], twin.head_weight, rtol=1e-10)


class _Snapshots:
    """Keeps the network as it was at each new best, and after the last update."""

    def __init__(self, stack: StackedDenoisingAutoencoder) -> None:
        self._stack = stack
        self.best = self.last = b""
        self.n_best = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, ValidationImproved):
            self.best = state_bytes(self._stack)
            self.n_best += 1
        if isinstance(event, SliceEnded):
            self.last = state_bytes(self._stack)


@pytest.mark.parametrize("restore_best", [True, False])
def test_the_best_parameters_are_restored_or_the_last_kept(restore_best: bool) -> None:
    stack, train, validation = small_stack(), labelled(30), labelled(60, 5)
    kept = _Snapshots(stack)
    history = finetune(
        stack,
        train,
        validation,
        epochs=25,
        learning_rate=0.7,
        early_stopping=False,
        restore_best=restore_best,
        callbacks=[kept],
    )
    assert kept.n_best > 1
    assert kept.best != kept.last
    assert state_bytes(stack) == (kept.best if restore_best else kept.last)
    error = float(stack.errors(*validation))
    if restore_best:
        assert error == history.best_validation_error
    else:
        assert error == history.records[-1].validation_error
    assert history.best_validation_error == min(
        r.validation_error for r in history.records if r.validation_error is not None
    )


def test_restoring_keeps_the_shared_parameter_objects() -> None:
    stack, pair = small_stack(), labelled(10)
    objects = [id(p) for p in stack.parameters()]
    finetune(stack, pair, pair, epochs=3, learning_rate=1.0)
    assert [id(p) for p in stack.parameters()] == objects
    assert stack.autoencoder(0).weight is stack.mlp[0].weight


def test_the_best_epoch_carries_its_own_test_error() -> None:
    stack, train, validation, test = small_stack(), labelled(30), labelled(60, 5), labelled(70, 6)
    history = finetune(stack, train, validation, test, epochs=20, learning_rate=0.7)
    assert history.best_epoch is not None
    assert history.test_error == float(stack.errors(*test))
    assert history.test_error == history.records[history.best_epoch - 1].test_error
    best = float("inf")
    for record in history.records:
        assert record.validation_error is not None
        assert (record.test_error is not None) == (record.validation_error < best)
        best = min(best, record.validation_error)


def test_the_test_set_changes_nothing() -> None:
    train, validation, test = labelled(30), labelled(60, 5), labelled(70, 6)
    without, scored = small_stack(), small_stack()
    one = finetune(without, train, validation, epochs=20, learning_rate=0.7)
    other = finetune(scored, train, validation, test, epochs=20, learning_rate=0.7)
    assert state_bytes(without) == state_bytes(scored)
    assert one.costs() == other.costs()
    assert (one.test_error, one.best_epoch) == (None, other.best_epoch)


def test_without_a_validation_set_all_epochs_run_and_the_last_parameters_stay() -> None:
    stack, pair = small_stack(), labelled(10)
    kept = _Snapshots(stack)
    history = finetune(
        stack, pair, None, labelled(5), epochs=30, learning_rate=0.0001, callbacks=[kept]
    )
    assert len(history.records) == 30
    assert (kept.n_best, state_bytes(stack)) == (0, kept.last)
    assert not history.stopped_early
    assert (history.best_epoch, history.best_validation_error, history.test_error) == (None,) * 3
    assert all(r.validation_error is None and r.test_error is None for r in history.records)


def test_validating_does_not_change_training() -> None:
    train, validation = labelled(30), labelled(60, 5)
    without, validated = small_stack(), small_stack()
    finetune(without, train, None, epochs=12, batch_size=7, learning_rate=0.5)
    finetune(
        validated,
        train,
        validation,
        epochs=12,
        batch_size=7,
        learning_rate=0.5,
        early_stopping=False,
        restore_best=False,
    )
    assert state_bytes(without) == state_bytes(validated)


def test_no_epoch_leaves_the_stack_as_it_is() -> None:
    stack, pair = small_stack(), labelled(10)
    before = copy.deepcopy(stack)
    history = finetune(stack, pair, pair, epochs=0)
    assert state_bytes(stack) == state_bytes(before)
    assert history.records == ()
    assert history.best_validation_error is None


def test_errors_are_shares_of_all_rows_however_many() -> None:
    stack, (x, y) = small_stack(), labelled(2500)
    history = finetune(stack, labelled(5), (x, y), (x, y), epochs=1)
    error = float((stack.predict(x).numpy() != y).mean())
    assert 0 < error < 1
    assert history.best_validation_error == pytest.approx(error, rel=1e-12)
    assert history.test_error == pytest.approx(error, rel=1e-12)
