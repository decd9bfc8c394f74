"""What pre-training does, layer by layer: its records, its noise, its codes, what it moves."""

import numpy as np
import pytest
import torch

from sdae import pretrain
from sdae.core.corruption import GaussianNoise, MaskingNoise
from sdae.core.randomness import NoiseKey, Stream, random_bits, threshold
from tests.train.helpers import (
    SIZES,
    Recorder,
    moved,
    parameters,
    small_stack,
    state_bytes,
    unit_rows,
)

LAYER_0 = {
    "autoencoders.0.weight",
    "autoencoders.0.hidden_bias",
    "autoencoders.0.visible_bias",
}
LAYER_1 = {name.replace("0", "1") for name in LAYER_0}


def test_there_is_a_record_per_layer_and_epoch() -> None:
    history = pretrain(small_stack(), unit_rows(10), epochs=(2, 3), learning_rate=(0.1, 0.2))
    assert [(r.stage, r.layer, r.epoch, r.learning_rate) for r in history.records] == [
        ("pretraining", 0, 1, 0.1),
        ("pretraining", 0, 2, 0.1),
        ("pretraining", 1, 1, 0.2),
        ("pretraining", 1, 2, 0.2),
        ("pretraining", 1, 3, 0.2),
    ]
    for record in history.records:
        assert record.engine == "fused"
        assert record.seconds > 0
        assert record.samples_per_second == pytest.approx(10 / record.seconds)
        assert record.validation_error is None
        assert record.test_error is None
    assert history.seconds == sum(r.seconds for r in history.records)
    assert (history.best_epoch, history.best_validation_error) == (None, None)
    assert not history.stopped_early


def test_fifteen_epochs_at_a_thousandth_one_row_at_a_time_are_the_default() -> None:
    listener = Recorder()
    defaults, stated = small_stack(), small_stack()
    x = unit_rows(6)
    history = pretrain(defaults, x, callbacks=[listener])
    assert len(history.records) == 30
    pretrain(stated, x, epochs=15, learning_rate=0.001, batch_size=1, shuffle=False, seed=0)
    assert state_bytes(defaults) == state_bytes(stated)


@pytest.mark.parametrize("batch_size", [1, 4, 10, 99])
def test_the_cost_is_the_mean_over_samples_before_any_update_at_rate_zero(batch_size: int) -> None:
    stack, x = small_stack(noise=0.0, dtype=torch.float64), unit_rows(10)
    first = stack.autoencoder(0).loss(torch.from_numpy(x).double()).mean()
    second = stack.autoencoder(1).loss(stack.encode(x, 1)).mean()
    history = pretrain(stack, x, epochs=1, learning_rate=0.0, batch_size=batch_size)
    assert history.costs(0) == pytest.approx([first.item()], rel=1e-12)
    assert history.costs(1) == pytest.approx([second.item()], rel=1e-12)


def test_each_cost_is_measured_before_the_update_it_leads_to() -> None:
    stack, x = small_stack(noise=0.0, dtype=torch.float64), unit_rows(10)
    rows = torch.from_numpy(x).double()
    costs = []
    for _ in range(3):
        costs.append(stack.autoencoder(0).loss(rows).mean().item())
        history = pretrain(stack, x, epochs=(1, 0), learning_rate=0.05, batch_size=10)
        assert history.costs(0) == pytest.approx(costs[-1:], rel=1e-12)
    assert costs[0] > costs[1] > costs[2]


def test_the_smaller_last_minibatch_is_used_unless_it_is_to_be_dropped() -> None:
    x = unit_rows(10)
    listeners = {name: Recorder() for name in ("all", "dropped")}
    everything, dropped, truncated = (small_stack() for _ in range(3))
    pretrain(everything, x, epochs=2, batch_size=4, callbacks=[listeners["all"]])
    pretrain(dropped, x, epochs=2, batch_size=4, drop_last=True, callbacks=[listeners["dropped"]])
    pretrain(truncated, x[:8], epochs=2, batch_size=4)
    assert listeners["all"].n_samples == 2 * 2 * 10
    assert listeners["dropped"].n_samples == 2 * 2 * 8
    assert state_bytes(everything) != state_bytes(dropped)
    for k in range(2):
        for name, p in parameters(dropped.autoencoder(k)).items():
            np.testing.assert_array_equal(p, parameters(truncated.autoencoder(k))[name])


def test_dropping_the_last_minibatch_needs_at_least_one_whole_one() -> None:
    with pytest.raises(
        ValueError,
        match=r"batch_size parameter of pretrain must be at most the 10 rows of x with drop_last\. "
        "Got 11 instead",
    ):
        pretrain(small_stack(), unit_rows(10), batch_size=11, drop_last=True)


@pytest.mark.parametrize(
    ("epochs", "trained"),
    [((2, 0), LAYER_0), ((0, 2), LAYER_1), ((0, 0), set()), (0, set()), (1, LAYER_0 | LAYER_1)],
)
def test_a_layer_is_trained_for_its_own_epochs(
    epochs: int | tuple[int, int], trained: set[str]
) -> None:
    stack = small_stack()
    before = parameters(stack)
    pretrain(stack, unit_rows(10), epochs=epochs)
    assert moved(before, stack) == trained


@pytest.mark.parametrize(
    "epochs", [(3, 1), [3, 1], np.array([3, 1])], ids=["tuple", "list", "array"]
)
def test_values_per_layer_come_as_any_sequence(epochs: tuple[int, int]) -> None:
    history = pretrain(small_stack(), unit_rows(4), epochs=epochs)
    assert [len(history.costs(k)) for k in range(2)] == [3, 1]


def test_a_rate_of_zero_leaves_a_layer_as_it_is() -> None:
    stack = small_stack()
    before = {k: parameters(stack.autoencoder(k)) for k in range(2)}
    pretrain(stack, unit_rows(10), epochs=2, learning_rate=(0.0, 0.1))
    assert moved(before[0], stack.autoencoder(0)) == set()
    assert moved(before[1], stack.autoencoder(1)) == {"weight", "hidden_bias", "visible_bias"}


def test_the_decoder_weight_of_an_untied_layer_is_trained_too() -> None:
    stack = small_stack(tied=False)
    before = parameters(stack.autoencoder(0))
    pretrain(stack, unit_rows(10), epochs=1)
    assert moved(before, stack.autoencoder(0)) == {
        "weight",
        "hidden_bias",
        "visible_bias",
        "decoder_weight",
    }


def test_without_a_corruption_of_its_own_a_call_uses_the_stack_s() -> None:
    x = unit_rows(20)
    own, given, other = small_stack(noise="masking:0.4"), small_stack(noise=0.0), small_stack()
    pretrain(own, x, epochs=2, corruption=None)
    pretrain(given, x, epochs=2, corruption="masking:0.4")
    pretrain(other, x, epochs=2, corruption="masking:0.1")
    assert state_bytes(own) == state_bytes(given)
    assert state_bytes(own) != state_bytes(other)
    assert [given.autoencoder(k).corruption for k in range(2)] == [MaskingNoise(0.0)] * 2


def test_a_corruption_per_layer_goes_to_its_layer() -> None:
    x = unit_rows(20)
    whole, layer_0, layer_1 = (small_stack(noise=0.0) for _ in range(3))
    pretrain(whole, x, epochs=2, corruption=[0.3, GaussianNoise(0.2)])
    pretrain(layer_0, x, epochs=(2, 0), corruption="masking:0.3")
    for name in ("weight", "hidden_bias", "visible_bias"):
        np.testing.assert_array_equal(
            parameters(whole.autoencoder(0))[name], parameters(layer_0.autoencoder(0))[name]
        )
    pretrain(layer_1, x, epochs=(2, 0), corruption="masking:0.3")
    pretrain(layer_1, x, epochs=(0, 2), corruption="gaussian:0.2")
    assert state_bytes(layer_1) == state_bytes(whole)


@pytest.mark.parametrize("codes", ["memory", "memmap", "recompute"])
def test_an_upper_layer_learns_from_uncorrupted_codes(codes: str) -> None:
    x = unit_rows(20)
    results = set()
    for level in (0.0, 0.5, 1.0):
        stack = small_stack()
        pretrain(stack, x, epochs=(0, 2), corruption=[level, 0.25], batch_size=6, codes=codes)
        results.add(state_bytes(stack))
    assert len(results) == 1


def test_an_upper_layer_learns_as_an_autoencoder_alone_on_the_codes_would() -> None:
    x = unit_rows(20)
    stack = small_stack(dtype=torch.float64)
    pretrain(stack, x, epochs=(2, 0), learning_rate=0.1, corruption=0.5)
    codes = stack.encode(x, 1).detach()
    n_codes, seed = SIZES[0], 17
    alone = small_stack(dtype=torch.float64).autoencoder(1)
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.1)
    for epoch in (1, 2):
        key = NoiseKey(seed, Stream.CORRUPTION, 1, epoch)
        for i in range(20):
            kept = random_bits(key, np.array([i]), n_codes) >= threshold(0.5)
            optimizer.zero_grad()
            row = codes[i : i + 1]
            alone.loss(row, row * torch.from_numpy(kept)).mean().backward()
            optimizer.step()
    pretrain(stack, x, epochs=(0, 2), learning_rate=0.1, corruption=0.5, seed=seed)
    for name, p in parameters(alone).items():
        np.testing.assert_allclose(parameters(stack.autoencoder(1))[name], p, rtol=1e-10)


def test_what_the_caller_assigns_in_place_is_where_training_starts() -> None:
    x = unit_rows(20)
    stack, twin = small_stack(), small_stack(seed=99)
    with torch.no_grad():
        for own, other in zip(twin.parameters(), stack.parameters(), strict=True):
            own.copy_(other)
    pretrain(stack, x, epochs=2)
    pretrain(twin, x, epochs=2)
    assert state_bytes(twin) == state_bytes(stack)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6])
def test_stacks_of_any_depth_are_trained(depth: int) -> None:
    stack = small_stack(sizes=(7, 6, 5, 4, 3, 2)[:depth])
    before = {k: parameters(stack.autoencoder(k)) for k in range(depth)}
    history = pretrain(stack, unit_rows(9), epochs=1, batch_size=4)
    assert [r.layer for r in history.records] == list(range(depth))
    for k in range(depth):
        assert moved(before[k], stack.autoencoder(k)) == {"weight", "hidden_bias", "visible_bias"}


def test_training_lowers_the_cost_and_the_network_sees_it() -> None:
    stack, x = small_stack(), unit_rows(40)
    code = stack.mlp(torch.from_numpy(x))
    deepest = stack.encode(x).detach()
    history = pretrain(stack, x, epochs=10, learning_rate=0.1, batch_size=4)
    for k in range(2):
        assert history.costs(k)[-1] < history.costs(k)[0]
    assert not stack.encode(x).detach().equal(deepest)
    assert stack.mlp(torch.from_numpy(x)).equal(code)  # the head is still zero


def test_a_stack_without_a_head_is_pre_trained_as_one_with_a_head() -> None:
    with_head, without = small_stack(), small_stack(n_classes=None)
    for stack in (with_head, without):
        pretrain(stack, unit_rows(10), epochs=1)
    without.add_head(3)
    assert state_bytes(with_head) == state_bytes(without)
