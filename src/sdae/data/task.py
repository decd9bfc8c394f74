"""What a network learns to predict: classes, numbers, or several labels.

Axes: n rows.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import ColumnType, RawColumn

MOST_CLASSES = 20
"""A column of more different whole numbers is a target of regression."""

_CODE = re.compile(r"\s*[+-]?0[0-9]")
_LARGEST = 1e150  # the variance of larger numbers is infinite


class Task(StrEnum):
    """What a network learns to predict."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    MULTILABEL = "multilabel"


def task_of_numbers(numbers: NDArray[np.float64]) -> tuple[Task, str]:
    """Return the task that a target of numbers, (n,), asks for, and why."""
    different = np.unique(numbers[np.abs(numbers) <= _LARGEST])
    if (
        not np.isfinite(numbers).all()
        or not len(different)
        or (different != np.round(different)).any()
    ):
        return Task.REGRESSION, "the target holds numbers with fractions"
    reason = f"the target holds {len(different)} different whole numbers"
    return (Task.CLASSIFICATION if len(different) <= MOST_CLASSES else Task.REGRESSION), reason


def task_of_column(column: RawColumn) -> tuple[Task, str]:
    """Return the task that a column asks for as the target, and why."""
    if column.declared or column.type in (ColumnType.TEXT, ColumnType.BOOLEAN):
        what = "categories" if column.declared else f"{column.type}s"
        return Task.CLASSIFICATION, f"the target holds {what}"
    return task_of_numbers(column.values[~column.missing])


def numbers_in(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Return numbers, (n,), if all texts are such, otherwise None; 007 is a text."""
    # Python reads 1_0 as ten; in a table it is text.
    if any("_" in text or _CODE.match(text) for text in texts):
        return None
    try:
        return np.array([float(text) for text in texts], np.float64)
    except ValueError:
        return None
