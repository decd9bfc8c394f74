"""The rows that a report uses: the run's test rows, or rows that the user names.

Axes: n rows, V columns.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.answers import wanted_task
from sdae.app.runs.data_hash import hash_of_data
from sdae.app.runs.model_rows import choose_rows, fitting, load_for, outputs_of, task_of
from sdae.app.runs.prepared_data import Classes, Rows
from sdae.core.errors import DataError
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.source_rows import read
from sdae.data import Dataset, Table
from sdae.data.few_labels import with_few_labels
from sdae.data.label_columns import Target, encode_targets, find_head
from sdae.data.splits import split_dataset
from sdae.data.typed_dataset import as_raw

MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of the data.

    Attributes
    ----------
    name : str
        Name, as in ``test rows``.
    x : ndarray of float32 or float64, shape (n, V)
        Rows in the units of the source, or encoded by the schema.
    y : ndarray of int64, shape (n,), or None
        Class numbers.
    numbers : ndarray of int64, shape (n,)
        Numbers of the rows in their part of the source, from 0.
    labels : ndarray of int64, shape (n, L), or None
        Zeros and ones, where a row may have several labels; then `y` is None.
    values : ndarray of float64, shape (n, T), or None
        The targets of a regression; then `y` is None.
    raw : RawTable or None
        For a model with a schema: the values of its used columns, in the order of the network. Then
        `x` are the encoded rows.
    """

    name: str
    x: Rows
    y: NDArray[np.int64] | None
    numbers: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None
    values: NDArray[np.float64] | None = None
    raw: RawTable | None = None

    def __len__(self) -> int:
        return len(self.x)

    def sample(self, most: int, seed: int) -> "Part":
        """Return at most `most` of the rows, chosen by `seed`, in their order, and in memory."""
        if len(self) <= most:
            x = read(self.x)
            return self if x is self.x else replace(self, x=x)
        return self.take(sampled(len(self), most, seed))

    def take(self, chosen: NDArray[np.int64]) -> "Part":
        """Return the rows at some indices."""
        return replace(
            self,
            x=read(self.x[chosen]),
            y=None if self.y is None else self.y[chosen],
            numbers=self.numbers[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            values=None if self.values is None else self.values[chosen],
            raw=None if self.raw is None else self.raw[chosen],
        )


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
        The class of each class number, or the name of each label.
    unseen : bool
        Whether the rows shown were not used in training.
    image_shape : (int, int) or None
    changed : bool
        Whether the run's data changed since training, so that rows of it may have been used there.
    """

    source: str
    shown: Part
    fitted: Part
    probed: Part
    classes: Classes | None
    unseen: bool
    image_shape: tuple[int, int] | None
    changed: bool = False


def own_rows(recipe: Recipe, model: Model, data_hash: str | None = None) -> ReportRows:
    """Load the data of a run, split as in training; the test rows are shown, if there are any.

    If the data do not have their `data_hash` of training any more, the split would be another one:
    then their rows are shown as :func:`given_rows` does. None: the hash is not known.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    config = recipe.data
    if data_hash not in (None, hash_of_data(config.source)):
        return replace(given_rows(config.source, config.target, recipe, model), changed=True)
    dataset = _load(config.source, config.target, model, recipe)
    dataset = split_dataset(
        dataset, validation=config.validation, test=config.test, seed=recipe.seed
    )
    labelled, _ = with_few_labels(dataset.train, config.labels, recipe.seed)
    for name, table in (("test", dataset.test), ("validation", dataset.validation)):
        if table is not None:
            return _rows(dataset.name, model, name, table, labelled, recipe.seed, unseen=True)
    return _rows(dataset.name, model, "training", labelled, None, recipe.seed, unseen=False)


def given_rows(source: str, target: Target, recipe: Recipe, model: Model) -> ReportRows:
    """Load other data for a report: their test part, or all of them.

    Labels are read from `target`; by default from the run's own target, if the data have it.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    try:
        dataset = _load(source, target or recipe.data.target, model, recipe)
    except DataError:
        if target is not None or recipe.data.target is None:
            raise
        dataset = _load(source, None, model, recipe)
    table = choose_rows(dataset, "auto")
    name = "given" if dataset.test is None else "given test"
    fitted = None if dataset.test is None else dataset.train
    return _rows(dataset.name, model, name, table, fitted, recipe.seed, unseen=True)


def _load(source: str, target: Target, model: Model, recipe: Recipe) -> Dataset:
    task = task_of(model) or wanted_task(recipe.data)
    return load_for(model, source, target, task)


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
    answered = outputs_of(model)
    if answered is None and table.y is not None:
        others = [] if fitted is None or fitted.y is None else [fitted.y]
        answered = find_head(replace(table, y=np.concatenate([table.y, *others])))
    classes = None if answered is None else answered[1]
    shown = _sampled(model, name, table, answered, seed)
    if fitted is None:
        order = np.random.default_rng(seed).permutation(len(shown))
        first, second = order[: len(shown) // 2], order[len(shown) // 2 :]
        to_fit, to_probe = shown.take(np.sort(first)), shown.take(np.sort(second))
    else:
        to_fit = _sampled(model, "training", fitted, answered, seed)
        to_probe = shown
    shape = model.image_shape or (None if model.feature_names else table.image_shape)
    return ReportRows(source, shown, to_fit, to_probe, classes, unseen, shape)


def _sampled(
    model: Model, name: str, table: Table, answered: tuple[Head, Classes] | None, seed: int
) -> Part:
    """Return at most `MOST_ROWS` of the rows; of a table on the disk no others are encoded."""
    if not isinstance(table.x, TableRows):
        return _part(model, name, table, answered).sample(MOST_ROWS, seed)
    chosen = sampled(table.n_rows, MOST_ROWS, seed)
    few = replace(table.rows(chosen, name), source=table.source)
    part = _part(model, name, replace(few, x=few.x.in_memory()), answered)
    return replace(part, numbers=chosen)


def sampled(n_rows: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return the numbers of at most `most` of some rows, chosen by `seed`, in their order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).permutation(n_rows)[:most])


def _part(model: Model, name: str, table: Table, answered: tuple[Head, Classes] | None) -> Part:
    raw = None
    if model.schema is not None:
        raw = RawTable(model.schema.matched(as_raw(table).x, table.source))
    table = fitting(model, table)
    part = Part(name, table.x, None, np.arange(len(table.x)), raw=raw)
    if table.y is None or answered is None:
        return part
    head = answered[0]
    targets = encode_targets(table, *answered)
    if head.facts.probabilities is None:
        return replace(part, values=targets.astype(np.float64))
    numbers = targets.astype(np.int64)
    return replace(part, y=numbers) if head.facts.picks_one else replace(part, labels=numbers)
