"""Applying a network that has no kernel to many rows: a row does not depend on the other rows.

The rounding of PyTorch's matrix products depends on their shape. So rows are processed in blocks of
one size, padded with zeros. Libraries use other kernels for few output columns, which may round the
rows of a block differently, so a product has at least 16 outputs, also padded with zeros.

With narrow layers, calling PyTorch for each block would take many times longer than the
computation. So many blocks are computed together, if a trial shows that this gives the same bytes
as each block alone.

Axes: n rows, V columns, K outputs, B = 32 rows of a block, m rows of whole blocks, H units,
C classes.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder, activate
from sdae.core.kinds.activations import Activation
from sdae.core.ladder.folded import FoldedLadder, codes_alone
from sdae.core.ladder.statistics import reconstructed
from sdae.core.preprocessing import Scaling, network_rows
from sdae.core.sparse import CsrMatrix, csr_of, is_sparse
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed

Rows = NDArray[np.floating] | CsrMatrix
_BLOCK = 32
"""With 16, some products still round the rows of a block differently; 64 makes single rows slow."""
_NARROW = 16
_MOST_BLOCKS = 128
_MOST_NUMBERS = 1 << 18
"""Numbers of all rows computed together, in the widest layer: 1 MiB, which fits in a cache."""
_SMALL_WEIGHT = 1 << 14
_FEW_NUMBERS = 1 << 15
"""PyTorch computes this many with one thread, and would split more between threads."""


def in_blocks(
    function: Callable[[Tensor], Tensor],
    x: Rows,
    scaling: Scaling | None,
    network: StackedDenoisingAutoencoder,
) -> NDArray[np.float32]:
    """Scale rows and apply `function`, (m, V) -> (m, K), to all: (n, V) -> (n, K).

    `function` consists of the functions below and of elementwise operations. Rows and results are
    float32, whatever type the network uses.
    """
    widest = max(network.n_visible, *network.hidden_layer_sizes, network.n_outputs or 0)
    at_once = _BLOCK * max(1, min(_MOST_BLOCKS, _MOST_NUMBERS // (_BLOCK * widest)))
    device = device_of(network)
    parts: list[NDArray[np.float32]] = []
    with undisturbed(), torch.inference_mode():
        for start in range(0, max(x.shape[0], 1), at_once):
            rows = x[start : start + at_once]
            out = function(_whole_blocks(rows, scaling).to(device))
            parts.append(out[: rows.shape[0]].float().cpu().numpy())
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _whole_blocks(rows: Any, scaling: Scaling | None) -> Tensor:
    """Return rows scaled, clipped, and padded to whole blocks: (n, V) -> (m, V)."""
    values: NDArray[Any] = csr_of(rows).toarray() if is_sparse(rows) else rows
    n_rows, n_columns = values.shape
    # PyTorch's memory is aligned, and the rounding of a product may depend on that.
    blocks = torch.zeros(max(_BLOCK, -(-n_rows // _BLOCK) * _BLOCK), n_columns, dtype=torch.float32)
    network_rows(values, scaling, blocks.numpy()[:n_rows])
    return blocks


def in_whole_blocks(
    function: Callable[..., Tensor],
    network: StackedDenoisingAutoencoder,
    *arrays: NDArray[np.float32],
    n_blocks: int = 1,
) -> NDArray[np.float32]:
    """Apply a function of rows, in the network's type, to blocks filled with zeros: (n, K)."""
    kind, n_rows = network.autoencoder(0).weight.dtype, len(arrays[0])
    at_once = _BLOCK * n_blocks
    parts: list[NDArray[np.float32]] = []
    with undisturbed(), torch.inference_mode():
        for start in range(0, max(n_rows, 1), at_once):
            here = [_whole_blocks(array[start : start + at_once], None) for array in arrays]
            out = function(*(block.to(device_of(network), kind) for block in here))
            parts.append(out[: n_rows - start].float().cpu().numpy())
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def layer_codes(network: StackedDenoisingAutoencoder, rows: Tensor) -> list[Tensor]:
    """Return the codes of every layer, from the bottom up: (m, V) -> (m, H_0), (m, H_1), …."""
    all_codes = []
    for layer in range(network.n_layers):
        autoencoder = network.autoencoder(layer)
        a = _affine(rows, autoencoder.weight, autoencoder.hidden_bias)
        rows = _activated(a, autoencoder.activation)
        all_codes.append(rows)
    return all_codes


def outputs(network: StackedDenoisingAutoencoder, rows: Tensor) -> Tensor:
    """Return the outputs of the head: logits or targets, (m, V) -> (m, C)."""
    return _affine(layer_codes(network, rows)[-1], network.head.weight, network.head.bias)


def decoded(network: StackedDenoisingAutoencoder, h: Tensor, depth: int) -> Tensor:
    """Carry codes of `depth` down to rows, (m, H_{depth-1}) -> (m, V).

    Raises
    ------
    InvalidParameterError
        For a ladder, which reconstructs from rows.
    """
    if isinstance(network, FoldedLadder):
        raise codes_alone(depth)
    for layer in reversed(range(depth)):
        autoencoder = network.autoencoder(layer)
        weight = autoencoder.weight.t() if autoencoder.tied else autoencoder.decoder_weight
        a = _affine(h, weight, autoencoder.visible_bias)
        h = _decoded_output(autoencoder, a)
    return h


def rebuilt(network: StackedDenoisingAutoencoder, rows: Tensor, depth: int | None = None) -> Tensor:
    """Encode to `depth` (default: the deepest code) and decode again, (m, V) -> (m, V).

    A ladder estimates the clean rows from all its depths.

    Raises
    ------
    InvalidParameterError
        If the network is a ladder, and `depth` is not its deepest.
    """
    if isinstance(network, FoldedLadder):
        network.check_depth(depth)
        blocks = rows.to(network.head.weight.dtype).split(_BLOCK)
        return torch.cat([reconstructed(network.ladder, block, _product) for block in blocks])
    depth = network.n_layers if depth is None else depth
    return decoded(network, layer_codes(network, rows)[depth - 1], depth)


def products_of_a_block(network: StackedDenoisingAutoencoder, n_rows: int = _BLOCK) -> int:
    """Return the number of multiplications to pass rows through the network."""
    return n_rows * sum(p.numel() for p in network.parameters())


def device_of(network: StackedDenoisingAutoencoder) -> torch.device:
    """Return the device of the parameters."""
    return network.autoencoder(0).weight.device


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return W x + b, (m, V) -> (m, H), in the type of the weights."""
    n_out = len(bias)
    if n_out < _NARROW:
        surplus = _NARROW - n_out
        weight, bias = F.pad(weight, (0, 0, 0, surplus)), F.pad(bias, (0, surplus))
    x = x.to(weight.dtype)
    if len(x) <= _BLOCK or _rounds_as_its_blocks(x, weight):
        a = F.linear(x, weight, bias)
    else:
        a = _product_of_blocks(x, weight, bias)
    return a if n_out >= _NARROW else a[:, :n_out]


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """Return W x, (m, V) -> (m, H)."""
    return _affine(x, weight, weight.new_zeros(len(weight)))


def _product_of_blocks(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.cat([F.linear(block, weight, bias) for block in x.split(_BLOCK)])


def _rounds_as_its_blocks(x: Tensor, weight: Tensor) -> bool:
    """Return whether one product of all rows gives the same bytes as the products of its blocks.

    Only small products are tried: for large ones a call per block takes little extra time.
    """
    if weight.numel() > _SMALL_WEIGHT or x.device.type != "cpu" or not x.is_contiguous():
        return False
    layout = (weight.shape, weight.stride())
    return _try_product(len(x), *layout, weight.dtype, torch.get_num_threads())


@lru_cache(maxsize=1024)
def _try_product(
    n_rows: int, shape: torch.Size, stride: tuple[int, ...], dtype: torch.dtype, _threads: int
) -> bool:
    """Try both on random numbers.

    The order of sums in a product depends on shapes, layout and threads (hence `_threads`), but not
    on the numbers. Another order would change many of these sums.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.empty(n_rows, shape[1], dtype=dtype).normal_(generator=generator)
    weight = torch.empty_strided(shape, stride, dtype=dtype).normal_(generator=generator)
    bias = torch.empty(shape[0], dtype=dtype).normal_(generator=generator)
    return torch.equal(F.linear(x, weight, bias), _product_of_blocks(x, weight, bias))


def _activated(a: Tensor, activation: Activation) -> Tensor:
    """Apply the non-linearity, (m, H) -> (m, H), to as many blocks at once as give the same bytes.

    PyTorch splits more numbers than one thread takes between threads, at any position.
    """
    if activation is Activation.IDENTITY:
        return a
    n_rows = _BLOCK
    if len(a) > _BLOCK and _place_does_not_matter(activation, a.dtype, a.device):
        n_rows *= max(1, _FEW_NUMBERS // (_BLOCK * a.shape[1]))
    if len(a) <= n_rows:
        return activate(a, activation)
    return torch.cat([activate(part, activation) for part in a.split(n_rows)])


def _decoded_output(autoencoder: DenoisingAutoencoder, a: Tensor) -> Tensor:
    """Return the reconstruction from pre-activations of a decoder, (m, V) -> (m, V)."""
    if autoencoder.layout is None:
        return _activated(a, autoencoder.decoder.facts.output)
    return torch.cat([autoencoder.layout.output(part) for part in a.split(_BLOCK)])


@cache
def _place_does_not_matter(
    activation: Activation, dtype: torch.dtype, device: torch.device
) -> bool:
    """Test whether the activation of a number is the same at any position in whole blocks.

    Vector instructions may round differently from the code for the few remaining numbers. A block
    has no remaining numbers, unless types become smaller or vectors larger than they are today.
    """
    for n_columns in (1, 3, _NARROW - 1, _NARROW, _NARROW + 1):
        width = max(n_columns, _NARROW)  # narrow results are columns of wider ones
        a = torch.linspace(-9, 9, 5 * _BLOCK * width, dtype=dtype, device=device)
        whole = a.view(5 * _BLOCK, width)[:, :n_columns]
        blocks = [activate(block, activation) for block in whole.split(_BLOCK)]
        if not torch.equal(activate(whole, activation), torch.cat(blocks)):
            return False
    return True
