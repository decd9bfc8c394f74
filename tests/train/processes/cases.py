"""Trainings whose result must not depend on how many processes do them.

Rows and minibatches are such that shares are unequal, and that the last minibatch of an epoch has
fewer rows than there are processes.
"""

import errno
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.distributed as dist
from scipy.sparse import csr_array

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train import codes
from sdae.train.callbacks import Event, SliceEnded
from sdae.train.engines import sums_on_the_way
from sdae.train.engines.autograd import AutogradPretraining
from sdae.train.history import History
from sdae.train.processes.started import joined
from sdae.train.settings import PretrainingConfig
from tests.core.test_blocks import TABLE, rows_of
from tests.train.engines.engines import rows
from tests.train.engines.test_compiled import HEADS, OPTIMIZERS, head_of, stacks, targets
from tests.train.processes.ranks import Case, Found, as_array, serve

N, B, V = 53, 10, 13
NOISES = ("masking:0.3", "masking:0.25:exact", "salt_and_pepper:0.2", "gaussian:0.1", "swap:0.3")
_RATES = {"plain": 0.1, "momentum": 0.05, "nesterov": 0.05}


def found_in(stack: StackedDenoisingAutoencoder, *histories: History) -> Found:
    """Return every parameter, and what the histories say but for times."""
    found: dict[str, Any] = {
        name: parameter.detach().numpy().copy() for name, parameter in stack.named_parameters()
    }
    records = [record for history in histories for record in history.records]
    found["costs"] = np.array([record.cost for record in records])
    found["errors"] = np.array(
        [[r.validation_error or 0.0, r.test_error or 0.0, r.learning_rate] for r in records]
    )
    said = [[r.stage, r.layer, r.epoch, r.engine, [f.text for f in r.findings]] for r in records]
    ends = [[h.best_epoch, h.stopped_early] for h in histories]
    found["said"] = as_array([said, ends])
    return found


def pretrained(*, noise: str = "masking:0.3", dtype: Any = torch.float64, **options: Any) -> Found:
    """Pre-train two layers."""
    own = {name: options.pop(name) for name in ("tied", "activation") if name in options}
    (stack,) = stacks(V, (7, 5), 1, corruption_levels=noise, dtype=dtype, **own)
    x = rows(options.pop("n", N), V, dtype)
    options = {"epochs": 2, "learning_rate": 0.1, "batch_size": B, "shuffle": True, **options}
    sparse = options.pop("sparse", False)
    history = pretrain(stack, csr_array(x) if sparse else x, engine="autograd", seed=4, **options)
    return found_in(stack, history)


def pretrained_table(noise: str) -> Found:
    """Pre-train on the columns of a table."""
    stack = StackedDenoisingAutoencoder(
        TABLE.n_components, (6,), corruption_levels=noise, blocks=TABLE, dtype=torch.float64
    )
    x = rows_of(TABLE, N)
    return found_in(
        stack, pretrain(stack, x, epochs=2, learning_rate=0.05, batch_size=B, engine="autograd")
    )


def finetuned(
    head: str = "n_classes", *, weighted: bool = False, dtype: Any = torch.float64, **options: Any
) -> Found:
    """Fine-tune a network."""
    (stack,) = stacks(V, (7, 5), 1, activation="tanh", dtype=dtype, **head_of(head))
    n = options.pop("n", N)
    x, y = rows(n, V, dtype), targets(head, n, dtype)
    weights = np.linspace(0, 2, n) if weighted else None
    scored = rows(40, V, dtype, 7), targets(head, 40, dtype)
    split = scored if options.pop("validates", False) else None
    options = {"epochs": 3, "learning_rate": 0.05, "batch_size": B, **options}
    history = finetune(
        stack, (x, y), split, split, engine="autograd", seed=4, sample_weight=weights, **options
    )
    return found_in(stack, history)


def stopped_by_a_callback() -> Found:
    """Stop in the middle of an epoch: slices have 512 rows, minibatches 100."""
    (stack,) = stacks(V, (7, 5), 1, dtype=torch.float64)

    def enough(event: Event) -> bool:
        return isinstance(event, SliceEnded) and event.n_samples > 2100

    x = rows(5000, V, torch.float64)
    history = pretrain(
        stack, x, epochs=3, batch_size=100, learning_rate=0.1, engine="autograd", callbacks=[enough]
    )
    return found_in(stack, history)


def diverged() -> Found:
    """Train until the cost of a sample overflows."""
    stack = StackedDenoisingAutoencoder(V, (7,), decoder="linear")
    x = rows(N, V, torch.float32)
    x[37:40] = 1e30  # in a minibatch of several shares
    return found_in(stack, pretrain(stack, x, batch_size=B, engine="autograd"))


def partly_frozen() -> Found:
    """Pre-train a layer of which a parameter is frozen."""
    (stack,) = stacks(V, (7,), 1, dtype=torch.float64)
    stack.autoencoder(0).hidden_bias.requires_grad_(False)
    x = rows(N, V, torch.float64)
    return found_in(stack, pretrain(stack, x, epochs=2, batch_size=B, engine="autograd"))


def summed_in_parts(case: Case) -> Found:
    """Sum gradients in several parts, while others are computed; networks as small have one."""
    at_least = sums_on_the_way.LEAST_NUMBERS
    sums_on_the_way.LEAST_NUMBERS = 20
    try:
        return case()
    finally:
        sums_on_the_way.LEAST_NUMBERS = at_least


def codes_of_a_full_disk() -> Found:
    """Pre-train with codes in files by choice; the disk of the last process is too small."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    is_last = dist.is_initialized() and dist.get_rank() == dist.get_world_size() - 1
    with (
        patch.object(codes, "MEMORY_LIMIT", 0),
        patch.object(codes, "_recomputed", wraps=codes._recomputed) as again,
        patch.object(os, "posix_fallocate", side_effect=full if is_last else None),
    ):
        found = pretrained()
    assert again.called == is_last
    return found


def with_an_unused_parameter() -> Found:
    """Pre-train a layer with a parameter that has no gradient: weight decay must not touch it."""
    (stack,) = stacks(V, (7,), 1, dtype=torch.float64)
    layer = stack.autoencoder(0)
    layer.register_parameter("unused", torch.nn.Parameter(torch.ones(2, 2, dtype=torch.float64)))
    config = PretrainingConfig.read({"batch_size": B, "weight_decay": 0.1}, "pretrain")
    data = TensorRows(torch.from_numpy(rows(N, V, torch.float64)))
    with joined() as processes:
        engine = AutogradPretraining(layer, data, layer.corruption, config, 4, processes)
        cost = engine.train(minibatches(N, B), 1, 0.1)
    assert (layer.unused == 1).all()
    weight = layer.weight.detach().numpy()
    return {"costs": cost.numpy(), "weight": weight, "said": as_array([])}


SAME: dict[str, Case] = {
    **{
        f"optimizer, {name}": partial(
            pretrained, learning_rate=_RATES.get(name, 0.003), weight_decay=0.01, **options
        )
        for name, options in OPTIMIZERS.items()
    },
    **{f"noise, {noise}": partial(pretrained, noise=noise) for noise in NOISES},
    **{
        f"table, {noise}": partial(pretrained_table, noise) for noise in ("masking:0.3", "swap:0.3")
    },
    **{f"head, {head}": partial(finetuned, head, optimizer="adam") for head in HEADS},
    **{f"weighted, {head}": partial(finetuned, head, weighted=True) for head in HEADS},
    "untied": partial(pretrained, tied=False),
    "relu": partial(pretrained, activation="relu"),
    "in file order": partial(pretrained, shuffle=False),
    "in windows": partial(pretrained, shuffle_window=20),
    "drop_last": partial(pretrained, drop_last=True),
    "codes in a file": partial(pretrained, codes="memmap"),
    "codes computed again": partial(pretrained, codes="recompute"),
    "codes of a full disk": codes_of_a_full_disk,
    "sparse": partial(pretrained, sparse=True),
    "one minibatch": partial(pretrained, batch_size=N, epochs=1, learning_rate=1.0),
    "as many rows as processes": partial(pretrained, batch_size=4),
    "dropout": partial(finetuned, dropout=0.3, input_dropout=0.1),
    "max_norm": partial(finetuned, max_norm=0.5, optimizer="nadam", weight_decay=0.01),
    "schedule": partial(finetuned, schedule="linear"),
    "early stopping": partial(
        finetuned, validates=True, epochs=60, patience_epochs=4, learning_rate=0.5
    ),
    "restored": partial(finetuned, "n_targets", validates=True, epochs=12, shuffle=True),
    "stopped": stopped_by_a_callback,
    "frozen": partly_frozen,
    "in parts": partial(summed_in_parts, partial(finetuned, optimizer="adam", weight_decay=0.01)),
    "in parts, untied": partial(summed_in_parts, partial(pretrained, tied=False)),
    "in parts, frozen": partial(summed_in_parts, partly_frozen),
    "unused": with_an_unused_parameter,
}
FLOAT32: dict[str, Case] = {
    "float32, pretrained": partial(pretrained, dtype=torch.float32, n=500, epochs=2),
    "float32, finetuned": partial(
        finetuned, dtype=torch.float32, n=500, epochs=4, optimizer="sgd", momentum=0.5
    ),
}
_shares: dict[str, Callable[..., Found]] = {"pretrained": pretrained, "finetuned": finetuned}
DETERMINISTIC: dict[str, Case] = {
    f"deterministic, {name}, {kind}": partial(
        function, deterministic=True, dtype=kind, optimizer="adam", learning_rate=0.01
    )
    for name, function in _shares.items()
    for kind in (torch.float32, torch.float64)
}
# Of four processes, as each of these takes them a second on few cores.
OF_FOUR = (
    *("optimizer, plain", "optimizer, nadam", "noise, swap:0.3", "table, swap:0.3"),
    *("head, n_classes", "weighted, n_targets", "dropout", "max_norm", "codes computed again"),
    *("one minibatch", "as many rows as processes", "early stopping", "stopped", "unused"),
    *("in parts", "in parts, frozen"),
    *FLOAT32,
    *DETERMINISTIC,
    "diverged",
)
CASES = {**SAME, **FLOAT32, **DETERMINISTIC, "diverged": diverged}

if __name__ == "__main__":
    serve(CASES, sys.argv[1])
