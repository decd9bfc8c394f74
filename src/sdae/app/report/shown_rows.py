"""The rows that a report uses: the run's test rows, or rows that the user names.

Axes: n rows, V columns.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.prepare import Classes, Rows, choose_rows, fitting
from sdae.core.errors import DataError
from sdae.core.model_file import Model
from sdae.data import Table, load_dataset
from sdae.data.labels import encode_labels, find_classes
from sdae.data.splits import split_dataset

MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of the data.

    Attributes
    ----------
    name : str
        Name, as in ``test rows``.
    x : ndarray of float32 or float64, shape (n, V)
        Rows in the units of the source.
    y : ndarray of int64, shape (n,), or None
        Class numbers.
    numbers : ndarray of int64, shape (n,)
        Numbers of the rows in their part of the source, from 0.
    """

    name: str
    x: Rows
    y: NDArray[np.int64] | None
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)

    def sample(self, most: int, seed: int) -> "Part":
        """Return at most `most` of the rows, chosen by `seed`, in their order."""
        if len(self) <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:most])
        return self.take(chosen)

    def take(self, chosen: NDArray[np.int64]) -> "Part":
        """Return the rows at some indices."""
        y = None if self.y is None else self.y[chosen]
        return replace(self, x=self.x[chosen], y=y, numbers=self.numbers[chosen])


@dataclass(frozen=True, eq=False)
class ReportRows:
    """The rows of a report.

    Attributes
    ----------
    source : str
        Name of the data, without a path.
    shown : Part
        Rows that the figures show.
    fitted, probed : Part
        Rows that probes are fitted on, and rows that they are tested on; without common rows.
    classes : tuple or None
        The label of each class number.
    unseen : bool
        Whether the rows shown were not used in training.
    image_shape : (int, int) or None
    """

    source: str
    shown: Part
    fitted: Part
    probed: Part
    classes: Classes | None
    unseen: bool
    image_shape: tuple[int, int] | None


def own_rows(recipe: Recipe, model: Model) -> ReportRows:
    """Load the data of a run, split as in training; the test rows are shown, if there are any.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    config = recipe.data
    dataset = load_dataset(config.source, config.target, model.feature_names)
    dataset = split_dataset(
        dataset, validation=config.validation, test=config.test, seed=recipe.seed
    )
    for name, table in (("test", dataset.test), ("validation", dataset.validation)):
        if table is not None:
            return _rows(dataset.name, model, name, table, dataset.train, recipe.seed, unseen=True)
    return _rows(dataset.name, model, "training", dataset.train, None, recipe.seed, unseen=False)


def given_rows(source: str, target: str | None, recipe: Recipe, model: Model) -> ReportRows:
    """Load other data for a report: their test part, or all of them.

    Labels are read from `target`; by default from the run's own target, if the data have it.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    try:
        dataset = load_dataset(source, target or recipe.data.target, model.feature_names)
    except DataError:
        if target is not None or recipe.data.target is None:
            raise
        dataset = load_dataset(source, None, model.feature_names)
    table = choose_rows(dataset, "auto")
    name = "given" if dataset.test is None else "given test"
    fitted = None if dataset.test is None else dataset.train
    return _rows(dataset.name, model, name, table, fitted, recipe.seed, unseen=True)


def shown_source(source: str) -> str:
    """Return the name of a recipe's data, without local folders."""
    path = Path(source)
    return path.name if path.is_absolute() else source


def _rows(
    source: str,
    model: Model,
    name: str,
    table: Table,
    fitted: Table | None,
    seed: int,
    *,
    unseen: bool,
) -> ReportRows:
    classes = model.classes
    if classes is None and model.stack.n_classes is not None:
        classes = tuple(range(model.stack.n_classes))
    if classes is None and table.y is not None:
        others = [] if fitted is None or fitted.y is None else [fitted.y]
        classes = find_classes(np.concatenate([table.y, *others]), table.source)
    shown = _part(model, name, table, classes).sample(MOST_ROWS, seed)
    if fitted is None:
        order = np.random.default_rng(seed).permutation(len(shown))
        first, second = order[: len(shown) // 2], order[len(shown) // 2 :]
        to_fit, to_probe = shown.take(np.sort(first)), shown.take(np.sort(second))
    else:
        to_fit = _part(model, "training", fitted, classes).sample(MOST_ROWS, seed)
        to_probe = shown
    shape = model.image_shape or (None if model.feature_names else table.image_shape)
    return ReportRows(source, shown, to_fit, to_probe, classes, unseen, shape)


def _part(model: Model, name: str, table: Table, classes: Classes | None) -> Part:
    table = fitting(model, table)
    y = (
        None
        if table.y is None or classes is None
        else encode_labels(table.y, classes, table.source)
    )
    return Part(name, table.x, y, np.arange(len(table.x)))
