"""Original, corrupted and reconstructed rows, from each depth, at several levels of noise.

Axes: n rows, V columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.app.recipes.recipe import Recipe
from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import as_input, as_source, in_network
from sdae.app.runs.prepared_data import Rows
from sdae.core.blocks import BlockLayout
from sdae.core.corruption import corrupt
from sdae.core.in_blocks import rebuilt
from sdae.core.inference import rebuilding_depths
from sdae.core.kinds.noises import Noise
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model
from sdae.core.randomness import NoiseKey, Stream

_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75)
_MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
NUMBERS = "numbers: squared difference, scaled"
INPUTS = "all inputs: squared difference, scaled"
LEVELS = "others: cross-entropy, in nats"
_DEVIATION = 0.1  # if the model's own noise does not have one


@dataclass(frozen=True, eq=False)
class Version:
    """The rows in one form.

    Attributes
    ----------
    name : str
        Name, such as ``input``, ``corrupted``, ``depth 1``; ``reconstructed`` by a ladder.
    rows : ndarray, shape (n, V)
        In the units of the source, in float64 where the network's are scaled; encoded where there
        is a schema.
    error : float
        Mean over rows and columns of the squared difference from the input, in the network's units.
    errors_of_kinds : tuple of (str, float)
        Of reconstructions of a table: what is measured of one kind of columns, and its mean.
    """

    name: str
    rows: Rows
    error: float
    errors_of_kinds: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Step:
    """One level of corruption: its noise, and the rows in each form, the input first."""

    noise: Noise
    versions: tuple[Version, ...]

    @property
    def words(self) -> str:
        """The noise, with few digits of its level."""
        return str(self.noise.with_level(float(f"{self.noise.level:.4g}")))


@dataclass(frozen=True, eq=False)
class Gallery:
    """The rows at all levels.

    Attributes
    ----------
    part : Part
        The rows.
    steps : tuple of Step
        Steps, by rising level.
    trained : int
        Index of the step with the noise that layer 0 was trained with.
    """

    part: Part
    steps: tuple[Step, ...]
    trained: int


def gallery_of(model: Model, recipe: Recipe, rows: Part, n_rows: int) -> Gallery:
    """Corrupt and reconstruct some rows, one of each class in turn where they have labels."""
    part = rows.take(one_of_each(rows, n_rows))
    noise = trained_noise(model, recipe)
    levels = levels_around(noise)
    steps = tuple(_step(model, part, noise.with_level(level)) for level in levels)
    return Gallery(part, steps, levels.index(noise.level))


def trained_noise(model: Model, recipe: Recipe) -> Noise:
    """Return the noise that layer 0 was pre-trained with."""
    own = recipe.pretraining.corruption
    noise: Noise = model.stack.autoencoder(0).corruption if own is None else own[0]
    return noise


def levels_around(noise: Noise) -> list[float]:
    """Return levels to show, from none to much, including that of `noise`."""
    if not noise.draws_components:
        own = noise.level or _DEVIATION
        others = [multiple for multiple in _MULTIPLES if multiple != 1 or not noise.level]
        levels = {round(multiple * own, 6) for multiple in others}
    else:
        levels = {*_SHARES}
    return sorted({*levels, noise.level})


def one_of_each(rows: Part, most: int) -> NDArray[np.int64]:
    """Return indices of at most `most` rows: the first of each class, then the second, ….

    They are in the order of their classes; without labels they are the first rows.
    """
    if rows.y is None:
        return np.arange(min(most, len(rows)))
    order = np.argsort(rows.y, kind="stable")  # by class, then by index
    starts = np.searchsorted(rows.y[order], rows.y[order])  # start of the class of each row
    rank = np.arange(len(order)) - starts  # number of earlier rows of its class
    chosen = order[np.argsort(rank, kind="stable")[:most]]
    return chosen[np.argsort(rows.y[chosen], kind="stable")]


def _step(model: Model, part: Part, noise: Noise) -> Step:
    stack = model.stack
    clean = in_network(model, as_input(model, part.x))  # (n, V)
    key = NoiseKey(0, Stream.MODULE_CORRUPTION)
    columns = stack.autoencoder(0).columns
    x_tilde = corrupt(clean, noise, key, part.numbers, columns=columns).x_tilde
    forms = {"input": clean, "corrupted": x_tilde}
    with torch.no_grad():
        for depth in rebuilding_depths(stack):
            name = "reconstructed" if isinstance(stack, FoldedLadder) else f"depth {depth}"
            forms[name] = rebuilt(stack, x_tilde, depth)
    return Step(noise, tuple(_version(model, name, form, clean) for name, form in forms.items()))


def _version(model: Model, name: str, form: Tensor, clean: Tensor) -> Version:
    layout, is_rebuilt = model.stack.autoencoder(0).layout, name not in ("input", "corrupted")
    error = float((form - clean).square().mean())
    kinds: tuple[tuple[str, float], ...] = ()
    if layout is not None and is_rebuilt:
        kinds = tuple(_errors_of_kinds(layout, clean, form))
    elif model.schema is not None and is_rebuilt:  # a ladder estimates all inputs as numbers
        kinds = ((INPUTS, error),)
    return Version(name, as_source(model, form.float().numpy()), error, kinds)


def _errors_of_kinds(
    layout: BlockLayout, clean: Tensor, form: Tensor
) -> Iterator[tuple[str, float]]:
    """Yield the mean errors of numbers and of levels, where they are not missing."""
    errors = layout.column_errors(clean, form)  # (n, V), (n, V) -> (n, C)
    starts = np.unique(layout.column_of, return_index=True)[1]
    known = layout.counted(clean)[:, starts] > 0  # (n, C)
    n_numbers = len(layout.blocks.numbers)
    for what, columns in ((NUMBERS, slice(n_numbers)), (LEVELS, slice(n_numbers, None))):
        if known[:, columns].any():
            yield what, float(errors[:, columns].sum() / known[:, columns].sum())
