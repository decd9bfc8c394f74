"""Facts about each layer: preferred inputs of its units, its codes, its weight.

Axes: n rows, V columns, H units, F units shown, K bins.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.app.report.preferred import preferred_inputs, weights_of
from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks, as_input, codes_of
from sdae.app.runs.prepared_data import Rows
from sdae.core.kinds.activations import Activation
from sdae.train.symptoms import CONSTANT, SATURATED_ROWS

SHOWN_UNITS = 64
_BINS = 40


@dataclass(frozen=True, eq=False)
class CodeFacts:
    """The codes of a layer after a stage.

    Attributes
    ----------
    dead : float
        Share of units that are zero (ReLU) or constant (others) for all rows.
    saturated : float or None
        Share of units at their limits for nearly all rows; None for ReLU, which has no upper limit.
    shares : ndarray of float64, shape (K,)
        Share of the values in each bin of the layer's histogram.
    """

    dead: float
    saturated: float | None
    shares: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerFacts:
    """A layer.

    Attributes
    ----------
    number : int
        Number of the layer, from 0.
    n_inputs, n_units : int
    corruption, decoder : str
        Noise and decoder of pre-training.
    n_rows : int
        Number of rows whose codes were used; 0 without rows.
    edges : ndarray of float64, shape (K + 1,)
        Edges of the bins of the histograms.
    codes : mapping of str to CodeFacts
        Facts about the codes, by stage.
    singular_values : mapping of str to ndarray of float64
        Singular values of the weight, the largest first, by stage.
    units : ndarray of int64, shape (F,)
        The units shown: those whose values vary most or, without rows, those with the largest
        weights.
    favourites : ndarray of float32, shape (F, V)
        Weights of the units of layer 0; preferred inputs of units of deeper layers.
    """

    number: int
    n_inputs: int
    n_units: int
    corruption: str
    decoder: str
    n_rows: int
    edges: NDArray[np.float64]
    codes: dict[str, CodeFacts]
    singular_values: dict[str, NDArray[np.float64]]
    units: NDArray[np.int64]
    favourites: NDArray[np.float32]


def layer_facts(networks: Networks, rows: Part | None) -> tuple[LayerFacts, ...]:
    """Return facts about every layer, from the bottom up; without rows there are no codes."""
    stages = dict(networks.stages())
    codes = {} if rows is None else {name: codes_of(m, rows.x) for name, m in stages.items()}
    x = None if rows is None else as_input(networks.pretrained, rows.x)
    return tuple(
        _layer(networks, layer, x, {name: of_layers[layer] for name, of_layers in codes.items()})
        for layer in range(networks.pretrained.stack.n_layers)
    )


def _layer(
    networks: Networks, layer: int, x: Rows | None, codes: dict[str, NDArray[np.float32]]
) -> LayerFacts:
    stack = networks.pretrained.stack
    autoencoder = stack.autoencoder(layer)
    h = next(iter(codes.values()), None)  # after the first stage
    with torch.no_grad():
        # A dead unit shows nothing, so units whose values vary most are chosen, if that is known.
        weight = autoencoder.weight.numpy()
        spread = np.linalg.norm(weight, axis=1) if h is None else h.std(axis=0)  # (H,)
        spectra = {
            name: torch.linalg.svdvals(model.stack.autoencoder(layer).weight.double()).numpy()
            for name, model in networks.stages()
        }
    units = np.argsort(-spread, kind="stable")[:SHOWN_UNITS]
    edges = _edges(list(codes.values()), stack.activation)
    return LayerFacts(
        number=layer,
        n_inputs=weight.shape[1],
        n_units=weight.shape[0],
        corruption=str(autoencoder.corruption),
        decoder=str(autoencoder.decoder),
        n_rows=0 if h is None else len(h),
        edges=edges,
        codes={name: code_facts(c, stack.activation, edges) for name, c in codes.items()},
        singular_values=spectra,
        units=units,
        favourites=weights_of(stack, layer, units)
        if layer == 0
        else preferred_inputs(stack, layer, units, x, h),
    )


def code_facts(
    h: NDArray[np.float32], activation: Activation, edges: NDArray[np.float64]
) -> CodeFacts:
    """Describe codes, (n, H), by the measures of the doctor."""
    facts, saturated = activation.facts, None
    spread = h.max(axis=0) - h.min(axis=0)  # (n, H) -> (H,)
    dead = (h == 0).all(axis=0) if facts.off_at_zero else spread <= CONSTANT
    if (margin := facts.saturated_within) is not None:
        at_limits = (h <= facts.low + margin) | (h >= facts.high - margin)
        saturated = float((at_limits.mean(axis=0) >= SATURATED_ROWS).mean())  # (n, H) -> (H,) -> ()
    counts, _ = np.histogram(h, edges)
    return CodeFacts(float(dead.mean()), saturated, counts / h.size)


def _edges(codes: list[NDArray[np.float32]], activation: Activation) -> NDArray[np.float64]:
    """Return edges of bins that hold all the codes."""
    low, high = activation.facts.limits
    if math.isinf(low):
        low = min((float(h.min()) for h in codes), default=0.0)
    if math.isinf(high):
        high = max((float(h.max()) for h in codes), default=0.0)
    return np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
