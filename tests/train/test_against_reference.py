"""Fifty steps of each stage agree with the NumPy reference, for every combination."""

from itertools import product

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.kinds.activations import Activation
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from tests.train import reference
from tests.train.helpers import (
    C,
    V,
    assert_close,
    assert_same_layers,
    classes,
    network_of,
    small_stack,
    twin_of,
    unit_rows,
)
from tests.train.reference import Corruption

N, RATE, SEED = 25, 0.01, 21
TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
BATCHES = pytest.mark.parametrize(
    ("batch_size", "epochs", "engine"),
    [(1, 2, "fused"), (1, 2, "autograd"), (6, 10, "closed_form"), (6, 10, "autograd")],
)
MINIBATCH_ENGINES = pytest.mark.parametrize("engine", ["closed_form", "autograd"])
DTYPES = pytest.mark.parametrize("dtype", list(TOLERANCES), ids=str)
NOISES = {
    "masking:0.3": Corruption("masking", 0.3),
    "masking:0.3:exact": Corruption("exact", 0.3),
    "salt_and_pepper:0.4:low=0.1:high=0.8": Corruption("salt_and_pepper", 0.4, 0.1, 0.8),
    "gaussian:0.3": Corruption("gaussian", 0.3),
}
COMBINATIONS = [
    (activation, decoder, tied, noise, emphasis)
    for activation, decoder, tied, noise, emphasis in product(
        Activation,
        ("sigmoid", "linear"),
        (True, False),
        NOISES,
        (None, (1.0, 0.4)),
    )
    if not (noise.startswith("gaussian") and emphasis)
    and (activation.facts.kernel is not None or noise == "masking:0.3")
]


def _engine_for(activation: Activation, engine: str) -> str:
    """Return the engine, or the next best where it has no kernel."""
    return "closed_form" if engine == "fused" and activation.facts.kernel is None else engine


@DTYPES
@pytest.mark.parametrize(
    "engines", [("fused", "closed_form"), ("autograd", "autograd")], ids=["fast", "autograd"]
)
@pytest.mark.parametrize(("activation", "decoder", "tied", "noise", "emphasis"), COMBINATIONS)
def test_fifty_steps_of_pretraining_agree(
    activation: Activation,
    decoder: str,
    tied: bool,
    noise: str,
    emphasis: tuple[float, float] | None,
    engines: tuple[str, str],
    dtype: torch.dtype,
) -> None:
    stack = StackedDenoisingAutoencoder(
        V,
        (8,),
        corruption_levels=noise,
        activation=activation,
        decoder=decoder,
        tied=tied,
        emphasis=None if emphasis is None else f"{emphasis[0]}:{emphasis[1]}",
        seed=5,
        dtype=dtype,
    )
    layers = twin_of(stack, NOISES[noise], emphasis)
    x, rows = unit_rows(N), unit_rows(N).astype(np.float64)
    tolerance = TOLERANCES[dtype]
    # 25 steps of one row each, then 25 steps in which every fifth minibatch has one row only.
    for engine, batch_size, epochs in zip(engines, (1, 6), (1, 5), strict=True):
        history = pretrain(
            stack,
            x,
            epochs=epochs,
            learning_rate=RATE,
            batch_size=batch_size,
            seed=SEED,
            engine=_engine_for(activation, engine),
        )
        costs = reference.pretrain(
            layers, rows, epochs=epochs, learning_rate=RATE, batch_size=batch_size, seed=SEED
        )
        assert history.costs(0) == pytest.approx(costs[0], rel=tolerance)
        assert_same_layers(stack, layers, tolerance)


@DTYPES
@BATCHES
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("activation", Activation)
def test_fifty_steps_on_each_of_three_layers_agree(
    activation: Activation,
    tied: bool,
    batch_size: int,
    epochs: int,
    engine: str,
    dtype: torch.dtype,
) -> None:
    stack = small_stack(
        noise="masking:0.3", sizes=(8, 7, 6), tied=tied, activation=activation, dtype=dtype
    )
    layers = twin_of(stack, Corruption("masking", 0.3))
    upper = "sigmoid" if activation == "sigmoid" else "linear"
    assert [layer.decoder for layer in layers] == ["sigmoid", upper, upper]
    x = unit_rows(N)
    history = pretrain(
        stack,
        x,
        epochs=epochs,
        learning_rate=RATE,
        batch_size=batch_size,
        seed=SEED,
        engine=_engine_for(activation, engine),
    )
    costs = reference.pretrain(
        layers,
        x.astype(np.float64),
        epochs=epochs,
        learning_rate=RATE,
        batch_size=batch_size,
        seed=SEED,
    )
    tolerance = TOLERANCES[dtype]
    assert_same_layers(stack, layers, tolerance)
    for k in range(3):
        assert history.costs(k) == pytest.approx(costs[k], rel=tolerance)


@MINIBATCH_ENGINES
@pytest.mark.parametrize("codes", ["memory", "memmap", "recompute"])
def test_a_row_has_the_same_noise_wherever_the_order_puts_it(codes: str, engine: str) -> None:
    stack = small_stack(noise="masking:0.3", dtype=torch.float64)
    layers = twin_of(stack, NOISES["masking:0.3"])
    x = unit_rows(N)

    def order(layer: int, epoch: int) -> reference.Integers:
        return visiting_order(NoiseKey(SEED, Stream.PRETRAINING_ORDER, layer, epoch), N)

    pretrain(
        stack,
        x,
        epochs=4,
        learning_rate=RATE,
        batch_size=6,
        shuffle=True,
        seed=SEED,
        codes=codes,
        engine=engine,
    )
    reference.pretrain(
        layers,
        x.astype(np.float64),
        epochs=4,
        learning_rate=RATE,
        batch_size=6,
        seed=SEED,
        orders=order,
    )
    assert_same_layers(stack, layers, 1e-10)


@MINIBATCH_ENGINES
@pytest.mark.parametrize("noise", ["masking:0", "gaussian:0.0", "salt_and_pepper:0"])
def test_emphasis_at_level_zero_weighs_every_component_with_beta(noise: str, engine: str) -> None:
    emphasis = None if noise.startswith("gaussian") else "1:0.4"
    stack = StackedDenoisingAutoencoder(
        V, (8,), corruption_levels=noise, emphasis=emphasis, dtype=torch.float64
    )
    layers = twin_of(stack, Corruption("masking", 0.0), (1.0, 0.4) if emphasis else None)
    x = unit_rows(N)
    pretrain(stack, x, epochs=2, learning_rate=RATE, batch_size=6, engine=engine)
    reference.pretrain(
        layers, x.astype(np.float64), epochs=2, learning_rate=RATE, batch_size=6, seed=0
    )
    assert_same_layers(stack, layers, 1e-10)


@DTYPES
@BATCHES
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("activation", Activation)
def test_fifty_steps_of_finetuning_agree(
    activation: Activation,
    tied: bool,
    batch_size: int,
    epochs: int,
    engine: str,
    dtype: torch.dtype,
) -> None:
    stack = small_stack(activation=activation, tied=tied, dtype=dtype)
    rng = np.random.default_rng(4)
    with torch.no_grad():  # from zero, the layers below would hardly move in fifty steps
        stack.head.weight.copy_(torch.from_numpy(rng.normal(size=(C, 6))))
        stack.head.bias.copy_(torch.from_numpy(rng.normal(size=C)))
    network = network_of(stack)
    costs, expected = _finetune_both(
        stack, network, epochs, batch_size, _engine_for(activation, engine)
    )
    tolerance = TOLERANCES[dtype]
    for k, layer in enumerate(network.layers):
        assert_close(stack.autoencoder(k).weight, layer.weight, tolerance)
        assert_close(stack.autoencoder(k).hidden_bias, layer.hidden_bias, tolerance)
    assert_close(stack.head.weight, network.head_weight, tolerance)
    assert_close(stack.head.bias, network.head_bias, tolerance)
    assert costs == pytest.approx(expected, rel=tolerance)


@DTYPES
@BATCHES
def test_finetuning_after_pretraining_agrees_from_the_zero_head_on(
    batch_size: int, epochs: int, engine: str, dtype: torch.dtype
) -> None:
    stack = small_stack(dtype=dtype)
    pretrain(
        stack, unit_rows(N), epochs=2, learning_rate=RATE, batch_size=batch_size, engine=engine
    )
    network = network_of(stack)
    assert not network.head_weight.any()
    _finetune_both(stack, network, epochs, batch_size, engine)
    for k, layer in enumerate(network.layers):
        assert_close(stack.autoencoder(k).weight, layer.weight, TOLERANCES[dtype])
    assert_close(stack.head.weight, network.head_weight, TOLERANCES[dtype])


def _finetune_both(
    stack: StackedDenoisingAutoencoder,
    network: reference.Network,
    epochs: int,
    batch_size: int,
    engine: str,
) -> tuple[list[float], list[float]]:
    """Fine-tune the stack and its twin in NumPy; return the costs of the epochs of each."""
    x, y = unit_rows(N), classes(N)
    history = finetune(
        stack,
        (x, y),
        None,
        epochs=epochs,
        learning_rate=RATE,
        batch_size=batch_size,
        engine=engine,
    )
    expected = reference.finetune(
        network,
        x.astype(np.float64),
        y,
        epochs=epochs,
        learning_rate=RATE,
        batch_size=batch_size,
    )
    return history.costs(), expected
