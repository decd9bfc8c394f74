"""Applying a trained network to many rows: a row's result does not depend on the other rows.

The kernel of inference applies a network whose activation it knows, on the CPU
(:mod:`sdae.core.compiled_pass`); PyTorch applies the others, in blocks of one size
(:mod:`sdae.core.in_blocks`). Both scale the rows, and clip them at ``FARTHEST``. Results are
float32, whatever type the network uses.

`n_threads` is how many threads to use; None takes PyTorch's setting, or one where there is little
to compute. The kernel gives the same bytes with any number.

Axes: n rows, V columns, H units of a layer, O outputs, C classes, L labels.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core import in_blocks as blocks
from sdae.core.compiled_pass import Dense, applied, is_served
from sdae.core.in_blocks import Rows, in_blocks, products_of_a_block
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.heads import Head
from sdae.core.ladder.folded import FoldedLadder, codes_alone
from sdae.core.preprocessing import Scaling, network_rows
from sdae.core.sparse import csr_of, is_sparse
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.core.threads import threads

Results = NDArray[np.float32]

_MOST_NUMBERS = 1 << 22
_BLOCKS_OF_ERRORS = 32


def outputs(
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None = None,
    n_threads: int | None = None,
) -> Results:
    """Return the outputs of the head: logits or targets, (n, V) -> (n, O)."""
    layers = _with_head(network)
    if is_served(layers):
        return applied(layers, x, scaling, n_threads)
    return _by_blocks(lambda rows: blocks.outputs(network, rows), network, x, scaling, n_threads)


def serves(network: StackedDenoisingAutoencoder) -> bool:
    """Return whether the compiled pass computes the outputs of a network."""
    return is_served(_with_head(network))


def codes(
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None = None,
    depth: int | None = None,
    n_threads: int | None = None,
) -> Results:
    """Return the codes of `depth` (default: the deepest), (n, V) -> (n, H)."""
    layers = _encoders(network)[:depth]
    if is_served(layers):
        return applied(layers, x, scaling, n_threads)
    place = len(layers) - 1
    return _by_blocks(
        lambda rows: blocks.layer_codes(network, rows)[place], network, x, scaling, n_threads
    )


def all_codes(
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None = None,
    n_threads: int | None = None,
) -> Results:
    """Return the codes of all layers side by side, (n, V) -> (n, H_0 + H_1 + …)."""
    layers = _encoders(network)
    if is_served(layers):
        return applied(layers, x, scaling, n_threads, keeps_all=True)
    return _by_blocks(
        lambda rows: torch.cat(blocks.layer_codes(network, rows), dim=1),
        network,
        x,
        scaling,
        n_threads,
    )


def decoded(
    network: StackedDenoisingAutoencoder, h: Rows, depth: int, n_threads: int | None = None
) -> Results:
    """Carry codes of `depth` down to rows, (n, H_{depth-1}) -> (n, V).

    Raises
    ------
    InvalidParameterError
        For a ladder, which reconstructs from rows.
    """
    if isinstance(network, FoldedLadder):
        raise codes_alone(depth)
    layers = _decoders(network, depth)
    if is_served(layers):
        return _shown(network, applied(layers, h, None, n_threads))
    return _by_blocks(lambda h: blocks.decoded(network, h, depth), network, h, None, n_threads)


def rebuilt(
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None = None,
    depth: int | None = None,
    n_threads: int | None = None,
) -> Results:
    """Encode to `depth` (default: the deepest code) and decode again, (n, V) -> (n, V).

    A ladder estimates the clean rows from all its depths.

    Raises
    ------
    InvalidParameterError
        If the network is a ladder, and `depth` is not its deepest.
    """
    depth = network.n_layers if depth is None else depth
    layers = [*_encoders(network)[:depth], *_decoders(network, depth)]
    if not isinstance(network, FoldedLadder) and is_served(layers):
        return _shown(network, applied(layers, x, scaling, n_threads))
    return _by_blocks(
        lambda rows: blocks.rebuilt(network, rows, depth), network, x, scaling, n_threads
    )


def errors(
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None = None,
    n_threads: int | None = None,
) -> Results:
    """Return the errors of reconstructed rows: squares (n, V), or of a table's columns, (n, C)."""
    parts = list(error_parts(network, x, scaling, n_threads))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def error_parts(
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None = None,
    n_threads: int | None = None,
) -> Iterator[Results]:
    """Yield the errors of some rows after the others, of which there is at least one part."""
    layout = network.autoencoder(0).layout
    at_once = max(1, _MOST_NUMBERS // network.n_visible)
    for first in range(0, max(x.shape[0], 1), at_once):
        part: Any = x[first : first + at_once]
        rows = network_rows(csr_of(part).toarray() if is_sparse(part) else part, scaling)
        x_hat = rebuilt(network, rows, None, None, n_threads)
        if layout is None:
            with np.errstate(over="ignore", under="ignore"):  # as PyTorch: infinite, or 0
                squares = np.square(rows - x_hat)
            yield squares
        else:
            yield blocks.in_whole_blocks(
                layout.column_errors, network, rows, x_hat, n_blocks=_BLOCKS_OF_ERRORS
            )


def rebuilding_depths(network: StackedDenoisingAutoencoder) -> range:
    """Return the depths that a network can reconstruct rows from: of a ladder the last alone."""
    first = network.n_layers if isinstance(network, FoldedLadder) else 1
    return range(first, network.n_layers + 1)


@undisturbed()
def log_probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logarithm of the probability of each class, (n, C) -> (n, C)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_p: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def probabilities(head: Head, raw: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the probabilities from outputs of a head, (n, O) -> (n, O), in float64."""
    if head.facts.picks_one:
        return np.exp(log_probabilities(raw))
    a = raw.astype(np.float64)
    up, down = np.exp(np.minimum(a, 0)), np.exp(np.minimum(-a, 0))
    share: NDArray[np.float64] = up / (up + down)
    return share


@undisturbed()
def log_likelihood_of_labels(
    raw: NDArray[np.floating], y: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return log p(y | x) of labels, zeros and ones: (n, L), (n, L) -> (n,)."""
    a = np.where(y == 1, raw, -raw).astype(np.float64)
    of_each = np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))  # log of the logistic function
    total: NDArray[np.float64] = of_each.sum(axis=1)
    return total


def answers(head: Head, raw: NDArray[np.floating]) -> NDArray[Any]:
    """Return the predictions from outputs of a head, (n, O): (n,) or (n, O)."""
    if head.facts.picks_one and raw.shape[1] == 2:
        found: NDArray[np.bool_] = raw[:, 1] > raw[:, 0]  # argmax takes ten times as long
        if not np.isnan(raw.sum()):
            return found.astype(np.int64)
    with undisturbed():
        answer: NDArray[Any] = head.facts.answer(torch.from_numpy(raw)).numpy()
    return answer


def _encoders(network: StackedDenoisingAutoencoder) -> list[Dense]:
    """Return the layers that encode, from the bottom up."""
    layers = map(network.autoencoder, range(network.n_layers))
    return [Dense(one.weight, one.hidden_bias, one.activation) for one in layers]


def _with_head(network: StackedDenoisingAutoencoder) -> list[Dense]:
    """Return the layers that encode, and the head."""
    head = network.head
    return [*_encoders(network), Dense(head.weight, head.bias, Activation.IDENTITY)]


def _decoders(network: StackedDenoisingAutoencoder, depth: int) -> list[Dense]:
    """Return the layers that decode a code of `depth`, from the top down.

    What the columns of a table are is not an activation: that layer ends with its sums.
    """
    layers = []
    for layer in reversed(range(depth)):
        one = network.autoencoder(layer)
        output = Activation.IDENTITY if one.layout is not None else one.decoder.facts.output
        weight = one.weight if one.tied else one.decoder_weight
        layers.append(Dense(weight, one.visible_bias, output, transposed=one.tied))
    return layers


def _shown(network: StackedDenoisingAutoencoder, a: Results) -> Results:
    """Return reconstructed rows from the sums of layer 0's decoder, (n, V) -> (n, V)."""
    layout = network.autoencoder(0).layout
    return a if layout is None else blocks.in_whole_blocks(layout.output, network, a)


def _by_blocks(
    function: Callable[[Tensor], Tensor],
    network: StackedDenoisingAutoencoder,
    x: Rows,
    scaling: Scaling | None,
    n_threads: int | None,
) -> Results:
    with threads(n_threads, products_of_a_block(network)):
        return in_blocks(function, x, scaling, network)
