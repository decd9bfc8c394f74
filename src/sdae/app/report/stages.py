"""The two networks of a run: after pre-training, and at the end.

Axes: n rows, V columns, H_k units of layer k, C classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.app.runs.prepared_data import NetworkRows, Rows
from sdae.core.inference import (
    all_codes,
    log_probabilities,
    outputs,
    probabilities,
)
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model
from sdae.train.history import FINETUNING, LADDER, PRETRAINING


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of a run; a ladder is trained at once, so it has one.

    Attributes
    ----------
    pretrained : Model
        The model whose filters, reconstructions and units are shown.
    final : Model
        The model that predicts; the same if there was no fine-tuning.
    finetuned : bool
    """

    pretrained: Model
    final: Model
    finetuned: bool

    @property
    def is_ladder(self) -> bool:
        """Whether the network was trained as a ladder."""
        return isinstance(self.final.stack, FoldedLadder)

    @property
    def classifies(self) -> bool:
        """Whether the network gives each row one of its classes."""
        head = self.final.stack.head_kind
        return head is not None and head.facts.picks_one

    @property
    def has_probabilities(self) -> bool:
        """Whether the network gives probabilities of classes or labels."""
        head = self.final.stack.head_kind
        return head is not None and head.facts.probabilities is not None

    @property
    def predicts_values(self) -> bool:
        """Whether the network is a regression."""
        head = self.final.stack.head_kind
        return head is not None and head.facts.probabilities is None

    def stages(self) -> Iterator[tuple[str, Model]]:
        """Yield the models with the names of their stages."""
        yield LADDER if self.is_ladder else PRETRAINING, self.pretrained
        if self.finetuned:
            yield FINETUNING, self.final


def codes_of(model: Model, x: Rows) -> list[NDArray[np.float32]]:
    """Return the codes of rows in the source's units, layer by layer: (n, V) -> (n, H_0), …."""
    stack = model.stack
    side_by_side = all_codes(stack, x, model.scaling)
    return np.split(side_by_side, np.cumsum(stack.hidden_layer_sizes)[:-1], axis=1)


def probabilities_of(model: Model, x: Rows) -> NDArray[np.float64]:
    """Return probabilities, as ``sdae predict`` does: (n, V) -> (n, O)."""
    head = model.stack.head_kind
    assert head is not None
    return probabilities(head, outputs_of_rows(model, x))


def log_probabilities_of(model: Model, x: Rows) -> NDArray[np.float64]:
    """Return the logarithms of class probabilities, (n, V) -> (n, C)."""
    return log_probabilities(outputs_of_rows(model, x))


def outputs_of_rows(model: Model, x: Rows) -> NDArray[np.float32]:
    """Return the outputs of the head, (n, V) -> (n, O)."""
    return outputs(model.stack, x, model.scaling)


def as_input(model: Model, x: Rows) -> NetworkRows:
    """Return rows as the network takes them, (n, V) -> (n, V)."""
    scaling = model.scaling
    return x.astype(np.float32, copy=False) if scaling is None else scaling.apply(x)


def as_source(model: Model, x: NetworkRows) -> Rows:
    """Return rows of the network in the source's units, (n, V) -> (n, V)."""
    return x if model.scaling is None else model.scaling.undo(x)


def in_network(model: Model, rows: Rows) -> Tensor:
    """Return rows that are scaled already as a tensor of the network's type, (n, V)."""
    return torch.from_numpy(rows.copy()).to(model.stack.autoencoder(0).weight)
