"""The same seed gives the same bytes; other seeds, layers, epochs and stages other noise."""

import random
from itertools import combinations, product

import numpy as np
import pytest
import torch

from sdae import finetune, pretrain
from sdae.core.randomness import NoiseKey, Stream, random_bits, visiting_order
from tests.train.helpers import Recorder, labelled, small_stack, state_bytes, unit_rows


def _train(seed: int, *, noise: str = "masking:0.3", shuffle: bool = True) -> tuple[bytes, bytes]:
    """Return the parameters after pre-training, and after fine-tuning."""
    stack, pair = small_stack(noise=noise), labelled(30)
    pretrain(stack, pair[0], epochs=2, batch_size=7, shuffle=shuffle, seed=seed)
    first = state_bytes(stack)
    finetune(
        stack, pair, pair, pair, epochs=2, batch_size=7, shuffle=shuffle, seed=seed, dropout=0.2
    )
    return first, state_bytes(stack)


@pytest.mark.parametrize(
    "noise", ["masking:0.3", "masking:0.3:exact", "salt_and_pepper:0.3", "gaussian:0.2"]
)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(noise: str) -> None:
    assert _train(5, noise=noise) == _train(5, noise=noise)
    for one, other in zip(_train(5, noise=noise), _train(6, noise=noise), strict=True):
        assert one != other


def test_zero_is_the_default_seed() -> None:
    stack, other = small_stack(), small_stack()
    pretrain(stack, unit_rows(10), epochs=1)
    pretrain(other, unit_rows(10), epochs=1, seed=0)
    assert state_bytes(stack) == state_bytes(other)


def test_seeds_reach_up_to_64_bits_and_each_bit_counts() -> None:
    results = {_train(seed)[0] for seed in (0, 1, 2**32, 2**63, 2**64 - 1)}
    assert len(results) == 5


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_state_of_the_global_generators_does_not_matter_and_stays(shuffle: bool) -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = _train(3, shuffle=shuffle)
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(2)
    before = random.getstate(), _numpy_state(), torch.get_rng_state()
    assert _train(3, shuffle=shuffle) == expected
    assert (random.getstate(), _numpy_state()) == before[:2]
    assert torch.get_rng_state().equal(before[2])


def _numpy_state() -> str:
    kind, words, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return f"{kind} {np.asarray(words).tolist()} {rest}"


def _both_stages(engine: str) -> tuple[bytes, list[float], int]:
    stack, pair = small_stack(), labelled(30)
    listener = Recorder()
    pretrained = pretrain(
        stack, pair[0], epochs=2, batch_size=3, engine=engine, callbacks=[listener]
    )
    tuned = finetune(stack, pair, pair, epochs=30, batch_size=3, learning_rate=0.5, engine=engine)
    return (
        state_bytes(stack),
        [r.cost for r in (*pretrained.records, *tuned.records)],
        listener.n_samples,
    )


@pytest.mark.parametrize("engine", ["autograd", "closed_form"])
@pytest.mark.parametrize("slice_samples", [1, 5, 16, 10**6])
def test_the_size_of_a_slice_does_not_change_the_result(
    slice_samples: int, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _both_stages(engine)
    target = f"sdae.train.engines.{engine}.samples_between_looks"
    monkeypatch.setattr(target, lambda *_sizes: slice_samples)
    parameters, costs, n_samples = _both_stages(engine)
    assert parameters == expected[0]
    assert costs == pytest.approx(expected[1], rel=1e-6)
    assert n_samples == expected[2] == 2 * 2 * 30


def test_noise_differs_between_seeds_layers_epochs_and_streams() -> None:
    samples = np.arange(50)
    keys = [
        NoiseKey(seed, stream, layer, epoch)
        for seed, stream, layer, epoch in product((0, 1), Stream, (0, 1, 2), (1, 2))
    ]
    masks = [(random_bits(key, samples, 40) < 2**31).ravel() for key in keys]
    for one, other in combinations(masks, 2):
        # 2,000 fair coins agree in half: 6 standard deviations are 0.067.
        assert abs((one == other).mean() - 0.5) < 0.067


def test_orders_differ_between_seeds_layers_epochs_and_stages() -> None:
    orders = {
        visiting_order(NoiseKey(seed, stream, layer, epoch), 30).tobytes()
        for seed, stream, layer, epoch in product(
            (0, 1), (Stream.PRETRAINING_ORDER, Stream.FINETUNING_ORDER), (0, 1, 2), (1, 2)
        )
    }
    assert len(orders) == 2 * 2 * 3 * 2


def test_each_epoch_and_layer_of_a_call_draws_its_own_noise() -> None:
    # At rate 0 nothing but the noise can change a layer's cost from epoch to epoch.
    history = pretrain(small_stack(), unit_rows(10), epochs=4, learning_rate=0.0)
    for layer in (0, 1):
        assert len(set(history.costs(layer))) == 4
    silent = pretrain(small_stack(noise=0.0), unit_rows(10), epochs=4, learning_rate=0.0)
    assert len(set(silent.costs(0))) == 1


def test_layers_of_the_same_shape_and_weights_draw_different_noise() -> None:
    stack = small_stack(sizes=(11, 11), activation="relu", decoder="linear", noise=0.5)
    x = np.abs(unit_rows(10)) + 0.1
    with torch.no_grad():
        for k in (0, 1):
            stack.autoencoder(k).weight.copy_(torch.eye(11))
    # The codes are the rows themselves, so only the noise tells the layers apart.
    history = pretrain(stack, x, epochs=3, learning_rate=0.0)
    assert set(history.costs(0)).isdisjoint(history.costs(1))


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, "1", None])
def test_a_seed_that_is_no_64_bit_integer_is_refused(seed: int) -> None:
    wanted = rf"must be an integer in \[0, 2\*\*64\)\. Got {seed!r} instead"
    with pytest.raises(ValueError, match=f"The seed parameter of pretrain {wanted}"):
        pretrain(small_stack(), unit_rows(4), seed=seed)
    with pytest.raises(ValueError, match=f"The seed parameter of finetune {wanted}"):
        finetune(small_stack(), labelled(4), None, seed=seed)
