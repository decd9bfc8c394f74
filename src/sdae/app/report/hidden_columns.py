"""Facts about each column of a table: how well it is reconstructed, what changes without it.

A column is hidden as masking noise hides it: all its inputs, and its indicator, take the value of a
gap. So one number stands for a column, however many inputs it has.

Axes: n rows, V components, C columns, S components of one column, H units.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks
from sdae.core.blocks import BlockLayout
from sdae.core.inference import all_codes, outputs, probabilities, rebuilt
from sdae.core.model_file import Model
from sdae.core.schema.column_json import Block
from sdae.core.schema.columns import UsedColumn

MOST_ROWS, LEAST_ROWS = 1_000, 50
_MOST_CELLS = 100_000
_LEAST = 1e-7  # the smallest probability in a logarithm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnFacts:
    """What the network does with one column, in the rows where it is not missing.

    The errors of numbers and dates are root mean squares in standard deviations of these rows; of
    others, cross-entropies in nats.

    Attributes
    ----------
    n_known : int
        Rows in which the column is not missing.
    seen, hidden : float or None
        Error of the reconstruction from the whole row, and from the row without the column. None
        without such rows, or if the column is the same in all of them.
    guess : float or None
        The lowest error of a guess that is the same for each row.
    effect : float or None
        How much hiding the column changes. Of classes: the mean over rows of half the sum of the
        absolute changes of all probabilities; of several labels: the mean absolute change of a
        probability; of values: the root mean square change of the predictions, in their standard
        deviations; without a head that of the deepest code.
    """

    n_known: int
    seen: float | None = None
    hidden: float | None = None
    guess: float | None = None
    effect: float | None = None


@dataclass(frozen=True, eq=False)
class HiddenColumns:
    """What hiding each column changes.

    Attributes
    ----------
    n_rows : int
    columns : tuple of ColumnFacts
        In the order of the network.
    units : tuple of ndarray of float64, shape (H, C)
        By layer: the root mean square change of each unit, after pre-training.
    """

    n_rows: int
    columns: tuple[ColumnFacts, ...]
    units: tuple[Floats, ...]


def hidden_columns_of(networks: Networks, rows: Part, seed: int) -> HiddenColumns | None:
    """Hide each column in turn in at most 1,000 rows; None for a model without a schema."""
    schema = networks.final.schema
    layout = networks.pretrained.stack.autoencoder(0).layout
    if schema is None or layout is None or not len(rows):
        return None
    n_columns = schema.blocks.n_columns
    part = rows.sample(max(LEAST_ROWS, min(MOST_ROWS, _MOST_CELLS // n_columns)), seed)
    x = part.x.astype(np.float32, copy=False)  # (n, V)
    assert part.raw is not None
    clean = _Answers(networks, x)
    facts, units = [], []
    for place, (raw, (column, at)) in enumerate(zip(part.raw, schema.places(), strict=True)):
        hidden = _Answers(networks, _without(layout, x, place))
        moved = [np.square(a - b) for a, b in zip(clean.codes, hidden.codes, strict=True)]
        units.append([np.sqrt(change.mean(axis=0)) for change in moved])
        known = ~raw.missing
        told = known & _is_known_level(column, x[:, at])
        facts.append(
            ColumnFacts(
                int(known.sum()),
                seen=_error(column, x[told, at], clean.x_hat[told, at]),
                hidden=_error(column, x[told, at], hidden.x_hat[told, at]),
                guess=_guess(column, x[told, at]),
                effect=_effect(clean.answers[known], hidden.answers[known], networks),
            )
        )
    by_layer = [np.stack(changes, axis=1) for changes in zip(*units, strict=True)]  # (H, C)
    return HiddenColumns(len(part), tuple(facts), tuple(by_layer))


class _Answers:
    """What the networks make of rows: codes, reconstructions, and answers or else deepest codes.

    Parameters
    ----------
    networks : Networks
    x : ndarray of float32, shape (n, V)
    """

    def __init__(self, networks: Networks, x: NDArray[np.float32]) -> None:
        model, final = networks.pretrained, networks.final
        sizes = np.cumsum(model.stack.hidden_layer_sizes)[:-1]
        self.codes = np.split(_codes(model, x), sizes, axis=1)
        self.x_hat = rebuilt(model.stack, x)
        head = final.stack.head_kind
        if head is not None:
            raw = outputs(final.stack, x)
            in_shares = networks.has_probabilities
            self.answers = probabilities(head, raw) if in_shares else raw.astype(np.float64)
        else:
            self.answers = np.split(_codes(final, x), sizes, axis=1)[-1]


def _codes(model: Model, x: NDArray[np.float32]) -> Floats:
    """Return the codes of all layers side by side, (n, V) -> (n, H_0 + H_1 + …)."""
    return all_codes(model.stack, x).astype(np.float64)


def _without(layout: BlockLayout, x: NDArray[np.float32], column: int) -> NDArray[np.float32]:
    """Return rows with a column as where it is missing, (n, V) -> (n, V)."""
    drawn = torch.from_numpy(layout.column_of == column).expand(len(x), -1)
    masked: NDArray[np.float32] = layout.masked(torch.from_numpy(x.copy()), drawn).float().numpy()
    return masked


def _is_known_level(column: UsedColumn, x: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether components, (n, S), are of a level of ``fit``: others cannot come back, (n,).

    Numbers and dates always can.
    """
    if column.block is Block.NUMBER:
        return np.ones(len(x), bool)
    known: NDArray[np.bool_] = ((x == 0) | (x == 1)).all(axis=1)
    return known & x.any(axis=1) if column.block is Block.CATEGORY else known


def _error(column: UsedColumn, x: NDArray[Any], x_hat: NDArray[Any]) -> float | None:
    """Return the error of a column, (n, S), given its reconstruction, (n, S)."""
    if not len(x):
        return None
    x, x_hat = x.astype(np.float64), x_hat.astype(np.float64)
    if column.block is Block.NUMBER:  # of a date, the time
        spread = float(x[:, 0].std())
        return float(np.sqrt(np.square(x[:, 0] - x_hat[:, 0]).mean())) / spread if spread else None
    return float(_surprise(_shares(column, x), _shares(column, x_hat)))


def _guess(column: UsedColumn, x: NDArray[Any]) -> float | None:
    """Return the error of the best constant: the mean, or the share of each level."""
    if not len(x):
        return None
    constant = np.broadcast_to(x.astype(np.float64).mean(axis=0), x.shape)
    return _error(column, x, constant)


def _shares(column: UsedColumn, x: Floats) -> Floats:
    """Return a probability for each level, (n, S) -> (n, K)."""
    return x if column.block is Block.CATEGORY else np.concatenate([1 - x, x], axis=1)


def _surprise(p: Floats, q: Floats) -> float:
    """Return the mean over rows of −Σ p log q, two (n, K)."""
    return float(-(p * np.log(np.maximum(q, _LEAST))).sum(axis=1).mean())


def _effect(clean: Floats, hidden: Floats, networks: Networks) -> float | None:
    if not len(clean):
        return None
    if networks.has_probabilities:
        changes = np.abs(clean - hidden)
        # The probabilities of classes sum to 1: what one gains, others lose.
        return float(changes.sum(axis=1).mean() / 2 if networks.classifies else changes.mean())
    spread = float(clean.std())
    return float(np.sqrt(np.square(clean - hidden).mean())) / spread if spread else None
