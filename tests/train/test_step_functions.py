"""The tutorial's step functions: defaults, scores over whole minibatches, noises, errors."""

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.errors import DataError, InvalidParameterError
from tests.train.helpers import (
    V,
    labelled,
    moved,
    parameters,
    small_stack,
    state_bytes,
    unit_rows,
)


def _stepped(**arguments: float) -> bytes:
    stack = small_stack(noise="masking:0.7")
    first, second = stack.pretraining_functions(unit_rows(12), 4)
    for index in range(3):
        first(index, **arguments)
        second(index, **arguments)
    return state_bytes(stack)


def test_a_corruption_of_a_fifth_and_a_rate_of_a_tenth_are_the_defaults() -> None:
    assert _stepped() == _stepped(corruption=0.2, lr=0.1)
    assert len({_stepped(), _stepped(corruption=0.7), _stepped(lr=0.05)}) == 3


def test_arguments_come_by_place_as_well() -> None:
    stack, twin = small_stack(), small_stack()
    by_place = stack.pretraining_functions(unit_rows(12), 4)[0](1, 0.3, 0.01)
    by_name = twin.pretraining_functions(unit_rows(12), 4)[0](index=1, corruption=0.3, lr=0.01)
    assert by_place == by_name
    assert state_bytes(stack) == state_bytes(twin)


@pytest.mark.parametrize(
    "noise", ["masking:0.1", "masking:0.1:exact", "salt_and_pepper:0.1", "gaussian:0.1"]
)
def test_the_number_replaces_the_level_and_keeps_the_kind(noise: str) -> None:
    costs = []
    for kind in (noise, noise.replace("0.1", "0.6"), "masking:0.0"):
        stack = small_stack(noise=kind)
        costs.append(stack.pretraining_functions(unit_rows(12), 4)[0](0, corruption=0.6))
        assert str(stack.autoencoder(0).corruption) == kind
    assert costs[0] == costs[1]
    assert (costs[0] == costs[2]) == (noise == "masking:0.1")


def test_each_call_draws_new_noise_and_each_layer_its_own() -> None:
    stack = small_stack()
    first, _ = stack.pretraining_functions(unit_rows(12), 12)
    costs = [first(0, corruption=0.5, lr=0.0) for _ in range(5)]
    assert len(set(costs)) == 5
    again = small_stack().pretraining_functions(unit_rows(12), 12)[0]
    assert [again(0, corruption=0.5, lr=0.0) for _ in range(5)] == costs
    other = small_stack().pretraining_functions(unit_rows(12), 12, seed=1)[0]
    assert other(0, corruption=0.5, lr=0.0) != costs[0]


def test_a_step_moves_its_own_layer_only() -> None:
    stack = small_stack(tied=False)
    second = stack.pretraining_functions(unit_rows(12), 4)[1]
    before = parameters(stack)
    second(0)
    assert moved(before, stack) == {
        f"autoencoders.1.{name}"
        for name in ("weight", "hidden_bias", "visible_bias", "decoder_weight")
    }


def test_a_fine_tuning_step_leaves_the_visible_biases() -> None:
    stack, pair = small_stack(), labelled(12)
    functions = stack.build_finetune_functions([pair] * 3, 4, 0.1)
    functions.train(0)
    before = parameters(stack)
    functions.train(1)
    names = moved(before, stack)
    assert names == {name for name in before if "visible" not in name}


def test_the_last_smaller_minibatch_is_trained_on_but_not_scored() -> None:
    stack, train = small_stack(), labelled(11)
    valid, test = labelled(14, 2), labelled(7, 3)
    functions = stack.build_finetune_functions([train, valid, test], 4, 0.1)
    assert functions.train(2) == pytest.approx(np.log(3))
    with pytest.raises(IndexError, match=r"The index must be from 0 to 2\. Got 3"):
        functions.train(3)
    for score, (x, y) in ((functions.valid_score, valid), (functions.test_score, test)):
        wrong = stack.predict(x).numpy() != y
        expected = [wrong[i : i + 4].mean() for i in range(0, len(y) // 4 * 4, 4)]
        scored = score()
        assert scored == pytest.approx(expected)
        assert all(type(error) is float for error in scored)


def test_scores_follow_the_current_weights() -> None:
    stack, pair = small_stack(), labelled(40)
    functions = stack.build_finetune_functions([pair] * 3, 40, 2.0)
    before = functions.valid_score()
    for _ in range(300):
        functions.train(0)
    assert functions.valid_score() < before
    assert functions.valid_score() == functions.test_score()


def test_costs_are_plain_numbers() -> None:
    stack, pair = small_stack(), labelled(12)
    assert type(stack.pretraining_functions(pair[0], 4)[0](0)) is float
    assert type(stack.build_finetune_functions([pair] * 3, 4, 0.1).train(int(np.int64(0)))) is float


def test_a_list_has_a_function_per_layer() -> None:
    stack = StackedDenoisingAutoencoder(V, (5, 4, 3), 2)
    assert len(stack.pretraining_functions(unit_rows(4), 2)) == 3


@pytest.mark.parametrize("index", [1.0, "0", True, None])
def test_an_index_that_is_no_integer_is_refused(index: int) -> None:
    stack, pair = small_stack(), labelled(12)
    message = f"The index parameter must be an integer. Got {index!r} instead"
    with pytest.raises(InvalidParameterError, match=message):
        stack.pretraining_functions(pair[0], 4)[0](index)
    with pytest.raises(InvalidParameterError, match=message):
        stack.build_finetune_functions([pair] * 3, 4, 0.1).train(index)


@pytest.mark.parametrize("corruption", [-0.1, 1.1, float("nan")])
def test_a_level_outside_the_unit_interval_is_refused(corruption: float) -> None:
    stack = small_stack()
    function = stack.pretraining_functions(unit_rows(12), 4)[0]
    with pytest.raises(InvalidParameterError, match=r"level .* must be a number in \[0, 1\]"):
        function(0, corruption=corruption)
    assert state_bytes(stack) == state_bytes(small_stack())


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True])
def test_a_batch_size_below_one_is_refused(batch_size: int) -> None:
    stack, pair = small_stack(), labelled(12)
    wanted = rf"must be an integer ≥ 1\. Got {batch_size!r} instead"
    with pytest.raises(
        InvalidParameterError, match=f"batch_size parameter of pretraining_functions {wanted}"
    ):
        stack.pretraining_functions(pair[0], batch_size)
    with pytest.raises(
        InvalidParameterError, match=f"batch_size parameter of build_finetune_functions {wanted}"
    ):
        stack.build_finetune_functions([pair] * 3, batch_size, 0.1)


def test_a_negative_rate_two_sets_or_a_missing_head_are_refused() -> None:
    pair = labelled(12)
    with pytest.raises(InvalidParameterError, match="learning_rate parameter of build_finetune"):
        small_stack().build_finetune_functions([pair] * 3, 4, -0.1)
    with pytest.raises(InvalidParameterError, match=r"three pairs \(x, y\).* Got 2 instead"):
        small_stack().build_finetune_functions([pair] * 2, 4, 0.1)
    with pytest.raises(InvalidParameterError, match="The stack has no head"):
        small_stack(n_classes=None).build_finetune_functions([pair] * 3, 4, 0.1)


def test_rows_and_labels_are_checked_at_the_door() -> None:
    (x, y), stack = labelled(12), small_stack()
    with pytest.raises(DataError, match=r"train_x must have shape \(n ≥ 1, 11\)"):
        stack.pretraining_functions(x[:, :5], 4)
    for k, name in enumerate(("training", "validation", "test")):
        sets = [(x, y)] * 3
        sets[k] = (x, y + 1)
        with pytest.raises(DataError, match=rf"The labels of the {name} set must be in \[0, 3\)"):
            stack.build_finetune_functions(sets, 4, 0.1)


def test_the_global_generator_of_torch_is_left_alone() -> None:
    state = torch.get_rng_state()
    small_stack().pretraining_functions(unit_rows(12), 4)[0](0)
    assert torch.get_rng_state().equal(state)
