"""The graph engine as a test makes it, beside autograd, and rows for both."""

from collections.abc import Sequence
from typing import Any

import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.rows import RowSource, TensorRows
from sdae.train.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.train.engines.choice import Engine
from sdae.train.engines.graph_finetuning import GraphFinetuning
from sdae.train.engines.graph_pretraining import GraphPretraining
from sdae.train.engines.player import Player
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from tests.train.engines.engines import rows
from tests.train.engines.tape import TapePlayer

N = 403  # 50 minibatches of 8, and a last one of three rows
Stacks = Sequence[StackedDenoisingAutoencoder]


def pretraining(
    both: Stacks, x: RowSource, player: Player | None = None, **options: Any
) -> tuple[Engine, Engine]:
    config = PretrainingConfig.read(options, "pretrain")
    one, other = (stack.autoencoder(0) for stack in both)
    return (
        AutogradPretraining(one, x, one.corruption, config, 9),
        GraphPretraining(other, x, other.corruption, config, 9, player or TapePlayer()),
    )


def finetuning(
    both: Stacks,
    x: RowSource,
    y: torch.Tensor,
    weights: torch.Tensor | None = None,
    player: Player | None = None,
    **options: Any,
) -> tuple[Engine, Engine]:
    config = FinetuningConfig.read(options, "finetune")
    return (
        AutogradFinetuning(both[0], x, y, config, 9, weights),
        GraphFinetuning(both[1], x, y, config, 9, weights, player or TapePlayer()),
    )


def tensor_rows(n: int, n_columns: int, dtype: torch.dtype) -> TensorRows:
    return TensorRows(torch.from_numpy(rows(n, n_columns, dtype)))
