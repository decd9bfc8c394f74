"""Small stacks and rows for tests."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdae import StackedDenoisingAutoencoder

V, SIZES, C = 11, (9, 7, 5), 4


def make(sizes: tuple[int, ...] = SIZES, **options: Any) -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(V, sizes, **({"n_classes": C, "seed": 1} | options))


def randomised(module: StackedDenoisingAutoencoder) -> StackedDenoisingAutoencoder:
    """Return it with every parameter set in place, the zero ones too."""
    rng = np.random.default_rng(8)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(0, 2.0, size=parameter.shape)))
    return module


def rows(n: int = 6, n_columns: int = V) -> NDArray[np.float32]:
    return np.random.default_rng(n).random((n, n_columns), dtype=np.float32)


def labels(n: int = 6) -> NDArray[np.int64]:
    return np.random.default_rng(n).integers(C, size=n)


def linear_layers(stack: StackedDenoisingAutoencoder) -> list[nn.Linear]:
    return [layer for layer in stack.mlp if isinstance(layer, nn.Linear)]
