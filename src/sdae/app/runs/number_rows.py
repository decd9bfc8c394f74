"""Rows of numbers of a recipe: in memory, or on the disk where they are too many.

Axes: n rows, V columns.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdae.app.recipes.memory_sizes import bytes_of
from sdae.app.recipes.recipe import DataConfig, Recipe, names_in
from sdae.app.runs.answers import wanted_task
from sdae.app.runs.prepared_data import AnyRows, PreparedData
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import Choice, Scaling, choose, fit_scaling
from sdae.core.source_rows import SourceRows
from sdae.data import Dataset, Table, load_dataset
from sdae.data.label_columns import names_of_targets
from sdae.data.stored.dataset import stored_dataset
from sdae.data.table import LacksColumns, match_columns
from sdae.train.settings import FinetuningConfig, PretrainingConfig


@dataclass(frozen=True, eq=False)
class NumberRows:
    """The rows of a recipe whose columns are all numbers.

    Attributes
    ----------
    dataset : Dataset
    extra : Table or None
        Rows of a file without labels.
    """

    dataset: Dataset
    extra: Table | None

    def rounded(self) -> "NumberRows":
        """Return a copy with float32 features."""
        extra = None if self.extra is None else self.extra.rounded()
        return NumberRows(self.dataset.rounded(), extra)

    def others(self) -> list[Any]:
        """Return the rows for pre-training that have no label."""
        train, others = self.dataset.train, self.dataset.unlabelled
        found = [] if others is None else [others]
        if self.extra is not None:
            extra = self.extra
            if train.feature_names is not None:
                extra = match_columns(extra, train.feature_names)
            found.append(_same_width(extra, train).x)
        return found


def on_disk(config: DataConfig, scratch: Path | None) -> Dataset | None:
    """Open the rows of a recipe where they stay on the disk; None where they are to be loaded."""
    return stored_dataset(
        config.source,
        names_of_targets(config.target),
        task=wanted_task(config),
        kept=names_in(config.keep),
        left_out=(*names_in(config.drop), *names_in(config.id)),
        memory=bytes_of(config.memory),
        scratch=scratch,
    )


def load_numbers(
    config: DataConfig, stored: Dataset | None, content: bytes | None, scratch: Path | None
) -> NumberRows:
    """Load the rows of a recipe, unless they are `stored`, and those of its file without labels.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files; :class:`sdae.data.table.NotNumbers` where columns are not
        numbers, or values are missing.
    """
    if stored is None:
        task = wanted_task(config)
        stored = load_dataset(config.source, config.target, task=task, content=content)
    extra = None
    if config.unlabeled is not None:
        names = stored.train.feature_names
        memory = bytes_of(config.memory)
        more = stored_dataset(config.unlabeled, (), names, memory=memory, scratch=scratch)
        extra = _extra(config, names) if more is None else more
    return NumberRows(stored, None if extra is None else extra.train)


def _extra(config: DataConfig, names: tuple[str, ...] | None) -> Dataset:
    """Load the rows of a recipe that have no labels and a file of their own."""
    assert config.unlabeled is not None
    try:
        return load_dataset(config.unlabeled, features=names, labels=False)
    except LacksColumns as fault:
        raise fault.said_of(config.source) from None


def check_all_there(dataset: Dataset) -> None:
    """Read validation and test rows that stay on the disk, so that a gap is found before training.

    The training rows are read for their scaling.

    Raises
    ------
    NotNumbers
        If a value is missing.
    """
    for part in (dataset.validation, dataset.test):
        if part is not None and isinstance(part.x, SourceRows):
            for _ in part.x.blocks():
                pass


def chosen_scaling(
    rows: Any, scale: str, decoder: Decoder, source: str
) -> tuple[Choice, Scaling | None]:
    """Choose the scaling of rows and the decoder of layer 0, and fit the scaling.

    Raises
    ------
    DataError
        If they do not fit each other.
    """
    known = rows.statistics() if isinstance(rows, SourceRows) else rows
    chosen = choose(known, scale, decoder, source)
    return chosen, fit_scaling(known, chosen.scale)


def within_windows(recipe: Recipe, data: PreparedData) -> Recipe:
    """Return the recipe with windows of shuffled rows, where they stay on the disk.

    A window that the recipe has is kept, and so is an order without shuffling.
    """
    pretraining = replace(recipe.pretraining, shuffle_window=_window(recipe.pretraining, data.rows))
    train = None if data.train is None else data.train[0]
    finetuning = replace(recipe.finetuning, shuffle_window=_window(recipe.finetuning, train))
    return replace(recipe, pretraining=pretraining, finetuning=finetuning)


def _window(config: PretrainingConfig | FinetuningConfig, rows: AnyRows | None) -> int | None:
    given = config.shuffle_window
    if given is not None or not config.shuffle or not isinstance(rows, SourceRows):
        return given
    return rows.window


def _same_width(extra: Table, train: Table) -> Table:
    if extra.x.shape[1] != train.x.shape[1]:
        raise DataError(
            f"{extra.source} has {extra.x.shape[1]} columns, but {train.source} has "
            f"{train.x.shape[1]} feature columns. Unlabelled rows must have the same columns."
        )
    return extra
