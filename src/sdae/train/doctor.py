"""The doctor watches training and reports each problem once, with what to try.

The rules are in :mod:`sdae.train.symptoms`. Rules on records are applied every epoch; the others
use some rows, at epochs 1, 2, 4, 8, … and at the last. The earliest epochs of small tables are left
out, since a look takes longer than they do.

Axes: n rows used, V visible, H hidden, T targets.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.course import Course
from sdae.train.history import Finding
from sdae.train.symptoms import (
    collapsed_predictions,
    outside_unit_interval,
    overfitting,
    poor_reconstruction,
    rising_cost,
    unmoved_weight,
    useless_codes,
)

# With fewer rows the doctor reports nothing: any finding could be chance.
LEAST_ROWS = 50
# Maximum number of rows: a forward pass over them is fast, and shares are accurate to 3 %.
SAMPLE_ROWS = 256
# Rows that are trained on before the first look, each as often as there were epochs.
ROWS_BEFORE_A_LOOK = 2048
_GOLDEN = (math.sqrt(5) - 1) / 2
# Training starts with one class for all rows: report it only from this epoch on.
COLLAPSE_FROM = 8


class Doctor:
    """Applies the rules at the end of every epoch, and reports each finding once.

    It does not change the network and uses no random numbers: the same parameters and records give
    the same findings.

    Attributes
    ----------
    told : set of (kind, layer)
        Kind and layer of each reported finding; the layer is None in fine-tuning.
    """

    def __init__(self) -> None:
        self.told: set[tuple[str, int | None]] = set()
        self._initial: dict[int, Tensor] = {}

    def remember(self, told: Iterable[tuple[str, int | None]]) -> None:
        """Take findings reported earlier, by (kind, layer), so that they are not repeated."""
        self.told.update(told)

    def begin_layer(self, autoencoder: DenoisingAutoencoder) -> None:
        """Store the initial weight of a layer before its pre-training, (H, V)."""
        self._initial[autoencoder.layer] = autoencoder.weight.detach().clone()

    def after_pretraining_epoch(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        course: Course,
        *,
        last: bool,
    ) -> tuple[Finding, ...]:
        """Return new findings after an epoch of a layer.

        `rows` are the input of the layer, `course` its epochs so far; `last` says that its
        training ends with this epoch.
        """
        if len(rows) < LEAST_ROWS:
            return ()
        layer, found = autoencoder.layer, [rising_cost(course)]
        if last or _looks(course.records[-1].epoch, len(rows)):
            with torch.no_grad():
                x = rows.batch(spaced_sample(rows))  # (n, V)
                h = autoencoder.encode(x)  # (n, V) -> (n, H)
                if autoencoder.needs_unit_interval:
                    found.append(outside_unit_interval(x, layer))
                found.append(useless_codes(h, autoencoder.activation, layer))
                if last:
                    x_hat = autoencoder.decode(h)
                    if autoencoder.layout is not None:  # what is missing cannot be compared
                        x_hat = x_hat.where(autoencoder.layout.counted(x) > 0, x)
                    found.append(poor_reconstruction(x, x_hat, layer))
                if last and layer in self._initial:
                    found.append(unmoved_weight(self._initial[layer], autoencoder.weight, layer))
        return self._new(found, layer)

    def after_finetuning_epoch(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        y: Tensor,
        course: Course,
        *,
        last: bool,
    ) -> tuple[Finding, ...]:
        """Return new findings after an epoch of fine-tuning.

        `rows` and `y`, classes (n,) or values (n, T), are the training set, `course` its epochs so
        far. If several layers have the same problem, only the lowest is reported, since it may be
        the cause; problems already reported in pre-training are not repeated.
        """
        if len(rows) < LEAST_ROWS:
            return ()
        found, epoch = [rising_cost(course)], course.records[-1].epoch
        if ("overfitting", None) not in self.told:
            found.append(overfitting(course))
        if last or _looks(epoch, len(rows)):
            sample = spaced_sample(rows)
            with torch.no_grad():
                h = rows.batch(sample)  # (n, V)
                for layer in range(stack.n_layers):
                    h = stack.autoencoder(layer).encode(h)  # (n, V) or (n, H_{k-1}) -> (n, H_k)
                    finding = useless_codes(h, stack.activation, layer)
                    if finding is not None and (finding.kind, layer) not in self.told:
                        found.append(finding)
                if stack.head_facts.picks_one and (last or epoch >= COLLAPSE_FROM):
                    predicted = stack.head(h).argmax(dim=1)  # (n, H) -> (n,)
                    found.append(
                        collapsed_predictions(predicted, y[torch.from_numpy(sample.samples)])
                    )
        return self._new(found, None)

    def _new(self, found: Iterable[Finding | None], layer: int | None) -> tuple[Finding, ...]:
        new = []
        for finding in found:
            if finding is not None and (finding.kind, layer) not in self.told:
                self.told.add((finding.kind, layer))
                new.append(finding)
        return tuple(new)


def _looks(epoch: int, n_rows: int) -> bool:
    """Return whether rows are used after an epoch of so many: after 1, 2, 4, 8, and so on."""
    return epoch.bit_count() == 1 and epoch * n_rows >= ROWS_BEFORE_A_LOOK


def spaced_sample(rows: RowSource) -> Minibatch:
    """Return a row of each part of the data, since sorted rows start with one class.

    The position within a part changes from part to part, to avoid any period of the rows.
    """
    n_rows = len(rows)
    n_parts = min(n_rows, SAMPLE_ROWS)
    part = np.arange(n_parts)
    first = part * n_rows // n_parts
    length = (part + 1) * n_rows // n_parts - first
    return Minibatch(first + (part * _GOLDEN % 1 * length).astype(np.int64), None)
