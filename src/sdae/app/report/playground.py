"""The network that the page computes with: weights as bytes, one scale per row.

Everything is plain JSON; arrays are little-endian, deflated and in base64. ``static/network.js``
uses them.

Axes: n rows, V columns, H units, C classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdae.app.report.packing import Matrix, floats, packed, packed_floats
from sdae.app.report.playground_columns import page_table, page_values
from sdae.app.report.playground_ladder import page_ladder
from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks, as_input, probabilities_of
from sdae.core.inference import probabilities
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.noises import Noise
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.stack import StackedDenoisingAutoencoder

MOST_WEIGHTS = 16_000_000  # more would not fit, even well compressed
TOLERANCE = 0.02

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Agreement:
    """How close the page's probabilities are to the model's.

    Attributes
    ----------
    n_rows : int
    share : float
        Share of rows where no probability differs by more than `TOLERANCE`.
    largest : float
        The largest difference.
    """

    n_rows: int
    share: float
    largest: float


@dataclass(frozen=True, eq=False)
class Playground:
    """The data that the page needs to compute the outputs of the model.

    Attributes
    ----------
    settings : dict
        The shape of rows, their scaling, the noise, the classes, and some rows to start with.
    classifier : dict or None
        The layers that classify.
    autoencoder : dict or None
        The layers that reconstruct, or the ladder; None where they would make the page too large.
    agreement : Agreement or None
        None if the network does not classify, or without rows.
    """

    settings: Numbers
    classifier: Numbers | None
    autoencoder: Numbers | None
    agreement: Agreement | None

    def to_json(self) -> Numbers:
        """Return the JSON that is written into the page."""
        return {
            **self.settings,
            "classifier": self.classifier,
            "autoencoder": self.autoencoder,
        }


def playground_of(
    networks: Networks,
    noise: Noise,
    labels: list[str] | None,
    columns: list[str] | None,
    image_shape: tuple[int, int] | None,
    examples: Part | None,
    compared: Part | None,
    *,
    centred: bool,
) -> Playground:
    """Round the networks to bytes, and compare them with the exact ones.

    Parameters
    ----------
    networks : Networks
    noise : Noise
        The noise at the start.
    labels, columns : list of str or None
        Names of classes and of columns, as the page shows them. A schema has names of its own.
    image_shape : (int, int) or None
    examples : Part or None
        Rows to start with.
    compared : Part or None
        Rows whose probabilities are compared.
    centred : bool
        Whether to resize and centre drawings like the digits of MNIST.
    """
    final, pretrained = networks.final, networks.pretrained
    classifier = agreement = None
    head_kind = final.stack.head_kind
    if head_kind is not None and networks.has_probabilities:
        layers, head = _weights(final.stack)
        classifier = _classifier(final.stack, layers, head)
        if compared is not None and len(compared):
            rows = compared.x
            p = page_probabilities(final.stack, layers, head, as_input(final, rows))
            agreement = _agreement(p, probabilities_of(final, rows))
    scaling = final.scaling
    low, high = (0.0, 1.0) if compared is None else _range(compared.x)
    settings: Numbers = {
        "image": None if image_shape is None else list(image_shape),
        "low": low,
        "high": high,
        "centred": centred,
        "activation": str(final.stack.activation),
        "head": None if head_kind is None else str(head_kind),
        "picks_one": head_kind is not None and head_kind.facts.picks_one,
        "noise": _noise(noise),
        "labels": labels,
        "columns": columns,
        "table": None if final.schema is None else page_table(final.schema),
        "scaling": None
        if scaling is None
        else {"offset": scaling.offset.tolist(), "scale": scaling.scale.tolist()},
        "examples": [] if examples is None else _examples(examples),
    }
    return Playground(settings, classifier, _autoencoder(pretrained.stack, classifier), agreement)


def n_weights(networks: Networks) -> int:
    """Return the number of weights that the page would hold."""
    stacks = {id(model): model.stack for _, model in networks.stages()}
    parts: list[nn.Module] = [*stacks.values()]
    parts += [stack.ladder for stack in stacks.values() if isinstance(stack, FoldedLadder)]
    return sum(p.numel() for part in parts for p in part.parameters())


def page_probabilities(
    stack: StackedDenoisingAutoencoder,
    layers: list[Matrix],
    head: Matrix,
    x: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Return the probabilities the page computes for scaled rows, (n, V) -> (n, C)."""
    h = x
    for number, layer in enumerate(layers):
        bias = floats(stack.autoencoder(number).hidden_bias)
        h = _activate(h @ layer.restored().T + bias, stack.activation)  # (n, H_k)
    a = (h @ head.restored().T + floats(stack.head.bias)).astype(np.float64)  # (n, O)
    assert stack.head_kind is not None
    return probabilities(stack.head_kind, a)


def _weights(stack: StackedDenoisingAutoencoder) -> tuple[list[Matrix], Matrix]:
    layers = [Matrix.of(stack.autoencoder(k).weight) for k in range(stack.n_layers)]
    return layers, Matrix.of(stack.head.weight)


def _classifier(stack: StackedDenoisingAutoencoder, layers: list[Matrix], head: Matrix) -> Numbers:
    return {
        "layers": [
            {
                "weight": layer.to_json(),
                "bias": packed_floats(stack.autoencoder(number).hidden_bias),
            }
            for number, layer in enumerate(layers)
        ],
        "head": {"weight": head.to_json(), "bias": packed_floats(stack.head.bias)},
    }


def _autoencoder(stack: StackedDenoisingAutoencoder, classifier: Numbers | None) -> Numbers:
    if isinstance(stack, FoldedLadder):
        network = None if classifier is not None else _classifier(stack, *_weights(stack))
        return {"ladder": page_ladder(stack.ladder, network)}
    layers = []
    for number in range(stack.n_layers):
        layer = stack.autoencoder(number)
        untied = None if layer.tied else Matrix.of(layer.decoder_weight).to_json()
        layers.append(
            {
                "weight": Matrix.of(layer.weight).to_json(),
                "bias": packed_floats(layer.hidden_bias),
                "visible_bias": packed_floats(layer.visible_bias),
                "decoder": str(layer.decoder),
                "decoder_weight": untied,
            }
        )
    return {"layers": layers}


def _agreement(page: NDArray[np.float64], model: NDArray[np.float64]) -> Agreement:
    difference = np.abs(page - model).max(axis=1)  # (n, C) -> (n,)
    return Agreement(
        len(difference), float((difference <= TOLERANCE).mean()), float(difference.max())
    )


def _noise(noise: Noise) -> Numbers:
    low, high = getattr(noise, "low", 0.0), getattr(noise, "high", 1.0)
    return {"kind": noise.name, "level": noise.level, "low": low, "high": high}


def _examples(examples: Part) -> list[Numbers]:
    y = [None] * len(examples) if examples.y is None else examples.y.tolist()
    return [
        {
            "row": int(examples.numbers[place]),
            "label": label,
            "values": packed(examples.x[place].astype(np.float64))
            if examples.raw is None
            else page_values(examples.raw, place),
        }
        for place, label in enumerate(y)
    ]


def _range(x: NDArray[np.floating]) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    return (low, high) if high > low else (low, low + 1.0)


def _activate(a: NDArray[np.float32], activation: Activation) -> NDArray[np.float32]:
    return activation.facts.function(torch.from_numpy(a)).numpy()
