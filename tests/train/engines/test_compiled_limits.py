"""What the compiled engine does not take as it comes: sources, sizes, changed networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.minibatches import Minibatch
from sdae.train.callbacks import EpochEnded, Event

N, V = 60, 20
X = np.random.default_rng(0).random((N, V), dtype=np.float32)
Y = np.arange(N) % 3


class Source:
    """Rows that are asked for one by one as they are, and several of them `changed`."""

    def __init__(self, changed: Callable[[Tensor], Tensor]) -> None:
        self._changed = changed

    def __len__(self) -> int:
        return N

    def batch(self, minibatch: Minibatch) -> Tensor:
        x = torch.from_numpy(X[minibatch.samples])
        return x if len(x) == 1 else self._changed(x)


def _stack(sizes: tuple[int, ...] = (10,)) -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(V, sizes, 3)


def _train(stage: str, stack: StackedDenoisingAutoencoder, x: Any, **options: Any) -> None:
    if stage == "pretrain":
        pretrain(stack, x, **options)
    else:
        finetune(stack, (x, Y), None, **options)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize(
    "changed",
    [
        lambda x: x[:-1],
        lambda x: torch.cat([x, x]),
        lambda x: x[:, :-1].contiguous(),
        lambda x: x.double(),
    ],
    ids=["fewer rows", "more rows", "fewer columns", "another type"],
)
def test_rows_other_than_those_that_were_asked_for_are_refused(
    changed: Callable[[Tensor], Tensor], stage: str, batch_size: int
) -> None:
    options: dict[str, Any] = {"epochs": 1, "batch_size": batch_size}
    said = r"batch\(\) of a row source must return a row for each .* \(60, 20\) of torch.float32"
    with pytest.raises(DataError, match=said):
        _train(stage, _stack(), Source(changed), **options)


def test_a_minibatch_larger_than_all_rows_is_all_rows() -> None:
    stacks = [_stack(), _stack()]
    for stack, batch_size in zip(stacks, (N, 10**9), strict=True):
        options: dict[str, Any] = {"epochs": 2, "batch_size": batch_size, "optimizer": "adam"}
        history = pretrain(stack, X, **options)
        assert history.records[0].engine == "compiled"
        finetune(stack, (X, Y), None, **options)
    one, other = (list(stack.parameters()) for stack in stacks)
    assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize("engine", ["compiled", "autograd"])
def test_a_parameter_that_is_replaced_during_training_is_noticed(stage: str, engine: str) -> None:
    stack = _stack()

    def replace(event: Event) -> None:
        if isinstance(event, EpochEnded):
            values = {name: value.clone() for name, value in stack.state_dict().items()}
            stack.load_state_dict(values, assign=True)

    options: dict[str, Any] = {"epochs": 3, "batch_size": 8, "callbacks": [replace]}
    with pytest.raises(InvalidParameterError, match="was replaced during training"):
        _train(stage, stack, X, engine=engine, **options)


def test_layers_that_share_a_weight_are_left_to_autograd() -> None:
    stack = _stack((10, 10, 10))
    shared = stack.autoencoder(1).weight
    stack.autoencoder(2).weight = shared
    stack.mlp[4].weight = shared
    history = finetune(stack, (X, Y), None, epochs=1, batch_size=8)
    assert history.records[0].engine == "autograd"
    with pytest.raises(InvalidParameterError, match="layers that share their weight"):
        finetune(stack, (X, Y), None, epochs=1, batch_size=8, engine="compiled")


def test_an_epsilon_below_float32_divides_nothing_by_zero() -> None:
    stack = _stack()
    x = np.zeros((N, V), np.float32)  # no gradients of most weights
    finetune(stack, (x, Y), None, epochs=2, batch_size=8, optimizer="adam", epsilon=1e-39)
    assert all(bool(parameter.isfinite().all()) for parameter in stack.parameters())
