"""Applying a trained network to many rows: a row's result does not depend on its company.

How a product of matrices rounds depends on its shape. So rows come in blocks of one size, filled up
with zeros. Libraries take other kernels where few columns come out, which may round the rows of a
block differently, so a product has 16 outputs at least, the surplus being zeros too.

Axes: n rows, V columns, K outputs, B = 32 rows of a block, H units, C classes.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sdae.autoencoder import activate
from sdae.preprocessing import Scaling
from sdae.sparse import CsrMatrix, csr_of, is_sparse
from sdae.specs import Decoder
from sdae.stack import StackedDenoisingAutoencoder

Rows = NDArray[np.float32] | NDArray[np.float64] | CsrMatrix
_BLOCK = 32
"""With 16, some products still round the rows of a block differently; 64 makes single rows dear."""
_NARROW = 16
_FEW_PRODUCTS = 1 << 25
_FARTHEST = 1e18
"""Where rows far outside the training data are cut off: their squares are still numbers."""


def in_blocks(
    function: Callable[[Tensor], Tensor],
    x: Rows,
    scaling: Scaling | None,
    device: torch.device | str = "cpu",
) -> NDArray[np.float32]:
    """Scale rows and apply `function`, (B, V) -> (B, K), to all: (n, V) -> (n, K).

    Rows come and answers go as float32, whatever the network computes in.
    """
    n_rows, n_columns = x.shape
    parts: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for start in range(0, max(n_rows, 1), _BLOCK):
            rows = x[start : start + _BLOCK]
            values = _dense(rows)
            block = np.zeros((_BLOCK, n_columns), np.float32)
            with np.errstate(over="ignore"):  # beyond float32, and clipped
                block[: len(values)] = values if scaling is None else scaling.apply(values)
            np.clip(block, -_FARTHEST, _FARTHEST, out=block)
            out = function(torch.from_numpy(block).to(device))
            parts.append(out[: len(values)].float().cpu().numpy())
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _dense(rows: Any) -> NDArray[Any]:
    values: NDArray[Any] = csr_of(rows).toarray() if is_sparse(rows) else rows
    return values


def layer_codes(network: StackedDenoisingAutoencoder, rows: Tensor) -> list[Tensor]:
    """Return the codes of every layer, from the bottom up: (B, V) -> (B, H_0), (B, H_1), …."""
    all_codes = []
    for layer in range(network.n_layers):
        autoencoder = network.autoencoder(layer)
        a = _affine(rows, autoencoder.weight, autoencoder.hidden_bias)
        rows = activate(a, autoencoder.activation)
        all_codes.append(rows)
    return all_codes


def outputs(network: StackedDenoisingAutoencoder, rows: Tensor) -> Tensor:
    """Return what the head gives: logits or targets, (B, V) -> (B, C)."""
    return _affine(layer_codes(network, rows)[-1], network.head.weight, network.head.bias)


def decoded(network: StackedDenoisingAutoencoder, h: Tensor, depth: int) -> Tensor:
    """Carry codes of `depth` down to rows, (B, H_{depth-1}) -> (B, V)."""
    for layer in reversed(range(depth)):
        autoencoder = network.autoencoder(layer)
        weight = autoencoder.weight.t() if autoencoder.tied else autoencoder.decoder_weight
        a = _affine(h, weight, autoencoder.visible_bias)
        h = torch.sigmoid(a) if autoencoder.decoder is Decoder.SIGMOID else a
    return h


def rebuilt(network: StackedDenoisingAutoencoder, rows: Tensor, depth: int | None = None) -> Tensor:
    """Encode to `depth` (default: the deepest code) and decode again, (B, V) -> (B, V)."""
    depth = network.n_layers if depth is None else depth
    return decoded(network, layer_codes(network, rows)[depth - 1], depth)


def log_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logarithm of the probability of each class, (n, C) -> (n, C)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_p: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


@contextmanager
def threads(n_threads: int | None, n_products: int) -> Iterator[None]:
    """Let PyTorch, and so the fused kernels, use that many threads.

    None takes PyTorch's setting, but one thread where a step has so few products of numbers that to
    wake another costs more than it saves.
    """
    before = torch.get_num_threads()
    wanted = n_threads or (1 if n_products < _FEW_PRODUCTS else before)
    wanted = min(wanted, max(before, os.cpu_count() or 1))  # more would only wait
    if wanted != before:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        if wanted != before:
            torch.set_num_threads(before)


def products_of_a_block(network: StackedDenoisingAutoencoder, n_rows: int = _BLOCK) -> int:
    """Return how many products of numbers it takes to pass some rows through the network."""
    return n_rows * sum(p.numel() for p in network.parameters())


def device_of(network: StackedDenoisingAutoencoder) -> torch.device:
    """Return where the parameters are."""
    return network.autoencoder(0).weight.device


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return W x + b, (B, V) -> (B, H), in the type of the weights."""
    x = x.to(weight.dtype)
    n_out = len(bias)
    if n_out >= _NARROW:
        return F.linear(x, weight, bias)
    surplus = _NARROW - n_out
    wide = F.linear(x, F.pad(weight, (0, 0, 0, surplus)), F.pad(bias, (0, surplus)))
    return wide[:, :n_out]
