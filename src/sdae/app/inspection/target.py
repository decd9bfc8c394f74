"""What the target is: classes, numbers, or several labels.

Axes: n rows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.inspection.facts import LARGEST, Facts
from sdae.core.schema.level_columns import shown as level_shown
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import quoted
from sdae.data.labels import marks_of_no_label
from sdae.data.tables.remarks import Remark, option
from sdae.data.task import Task, task_of_column

_SHOWN = 10


@dataclass(frozen=True)
class Target:
    """The target of a table.

    Attributes
    ----------
    names : tuple of str
    task : Task
    reason : str
        Why it is this task.
    n_missing : int
        The number of rows without a target.
    classes : dict of str to int
        How many rows each class (of multilabel: each label) has, the most frequent first.
    minimum, maximum, mean : float or None
        Of a target of regression.
    """

    names: tuple[str, ...]
    task: Task
    reason: str
    n_missing: int
    n_rows: int
    classes: dict[str, int]
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None

    @property
    def majority(self) -> tuple[str, float] | None:
        """The most frequent class, and its share of the rows with a label."""
        if self.task is not Task.CLASSIFICATION or not self.classes:
            return None
        name, count = next(iter(self.classes.items()))
        return name, count / (self.n_rows - self.n_missing)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        majority = self.majority
        return {
            "columns": list(self.names),
            "task": str(self.task),
            "reason": self.reason,
            "missing": self.n_missing,
            "missing_share": self.n_missing / self.n_rows,
            "n_classes": len(self.classes) if self.task is Task.CLASSIFICATION else None,
            "classes": [
                {"class": name, "rows": count}
                for name, count in list(self.classes.items())[:_SHOWN]
            ],
            "majority": None if majority is None else majority[0],
            "majority_share": None if majority is None else majority[1],
            "minimum": self.minimum,
            "maximum": self.maximum,
            "mean": self.mean,
        }


def target_of(
    columns: Sequence[RawColumn], remarks: list[Remark], labels: Sequence[RawColumn] = ()
) -> Target:
    """Describe the target; what is wrong with it is added to `remarks`.

    `labels` are its columns as texts, as they are classes in training.
    """
    facts = [Facts(column) for column in columns]
    missing = np.logical_or.reduce([column.missing for column in columns])
    names = tuple(column.name for column in columns)
    n_rows, n_missing = len(missing), int(missing.sum())
    if len(facts) > 1:
        for each in facts:
            if not set(each.counts) <= {0.0, 1.0}:
                text = f"Target {quoted(each.name)} must hold 0 and 1, as one label of several; "
                text += "for values train with --task regression."
                remarks.append(Remark(each.name, "target", text, "", stops=True))
        having = {each.name: each.counts.get(1.0, 0) for each in facts}
        reason = f"{len(names)} columns are named"
        return Target(names, Task.MULTILABEL, reason, n_missing, n_rows, having)
    (only,) = facts
    task, reason = task_of_column(only.column)
    if n_missing and n_missing < n_rows:
        text = f"Target {quoted(only.name)} has no value in {n_missing:,} of {n_rows:,} rows."
        remarks.append(Remark(only.name, "target_gaps", text))
    fault = _fault(only, task)
    if fault is not None:
        remarks.append(Remark(only.name, "target", fault, "--target", stops=True))
    if task is Task.CLASSIFICATION:
        there = labels[0].values[~missing].tolist() if labels else only.known.tolist()
        counts = Counter(level_shown(value) for value in there)
        named = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        remarks.extend(_marks(only.name, named))
        return Target(names, task, reason, n_missing, n_rows, named)
    if only.type is ColumnType.DATE or not len(only.numbers):
        return Target(names, task, reason, n_missing, n_rows, {})
    known = only.known[np.abs(only.known) <= LARGEST]
    figures = float(known.min()), float(known.max()), float(known.mean())
    return Target(names, task, reason, n_missing, n_rows, {}, *figures)


def _marks(target: str, counts: Mapping[str, int]) -> Iterator[Remark]:
    """Yield a remark on each class that seems to mark rows without a label."""
    found = marks_of_no_label(np.array([*counts], np.str_), np.array([*counts.values()], np.int64))
    for label, said in found.items():
        text = f"Target {quoted(target)}: {said}"
        yield Remark(target, "target_mark", text, option("--na-values", label))


def class_numbers(columns: Sequence[RawColumn]) -> NDArray[np.intp]:
    """Return the number of each row's class, (n,), counted from 0."""
    places: dict[tuple[Any, ...], int] = {}
    rows = zip(*(column.values.tolist() for column in columns), strict=True)
    return np.array([places.setdefault(row, len(places)) for row in rows], np.intp)


def _fault(facts: Facts, task: Task) -> str | None:
    """Return what makes a target unusable."""
    shown = f"Target {quoted(facts.name)}"
    if not len(facts.known):
        return f"{shown} has no values."
    if facts.type is ColumnType.DATE:
        return f"{shown} holds dates, which are neither classes nor numbers."
    if facts.type is ColumnType.NUMBER and len(facts.numbers) < len(facts.counts):
        return f"{shown} holds infinite or far too large numbers."
    if len(facts.counts) == 1:
        return f"{shown} has a single value: there is nothing to predict."
    if task is Task.CLASSIFICATION and len(facts.counts) > max(2, len(facts.known) // 2):
        n_classes, n_rows = len(facts.counts), len(facts.known)
        return f"{shown} has {n_classes:,} classes in {n_rows:,} rows: too few of each to learn."
    return None
