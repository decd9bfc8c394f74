"""Several columns of labels: zeros and ones that say which labels a row has.

Axes: n rows, L labels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.kinds.heads import Head
from sdae.core.wording import listed, quoted
from sdae.data.labelled_rows import number_of_row
from sdae.data.labels import Classes, encode_labels, find_classes
from sdae.data.table import Table

Target = str | Sequence[str] | None
"""The name of a column of labels, or the names of several; None: there are no labels."""

_VALUES = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}


def names_of_targets(target: Target) -> tuple[str, ...]:
    """Return the names of the columns of labels.

    Raises
    ------
    DataError
        If a name is given twice.
    """
    if target is None:
        return ()
    names = (target,) if isinstance(target, str) else tuple(target)
    for place, name in enumerate(names):
        if name in names[:place]:
            raise DataError(f"The target {quoted(name)} is named twice. Name each column once.")
    return names


def read_indicators(
    columns: Sequence[Sequence[str]],
    names: Sequence[str],
    source: str,
    missing: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Return zeros and ones, (n, L), from the texts of L columns, without those of missing rows.

    Raises
    ------
    DataError
        If a column holds something else than 0 and 1, or false and true.
    """
    labels = np.empty((len(columns[0]), len(columns)), np.int64)
    for label, (texts, name) in enumerate(zip(columns, names, strict=True)):
        for row, text in enumerate(texts):
            value = _VALUES.get(text.strip().lower())
            if value is None:
                raise _bad_indicator(text, number_of_row(row, missing), quoted(name), source)
            labels[row, label] = value
    return labels


def checked_indicators(
    y: NDArray[np.generic],
    names: Sequence[str] | None,
    source: str,
    missing: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Return an array of zeros and ones, (n, L), without missing rows, as integers.

    Raises
    ------
    DataError
        If it holds other numbers.
    """
    wrong = ~((y == 0) | (y == 1))
    if y.dtype.kind not in "iufb" or np.any(wrong):
        row, label = (int(i) for i in np.unravel_index(np.argmax(wrong), y.shape))
        name = str(label) if names is None else quoted(names[label])
        raise _bad_indicator(str(y[row, label]), number_of_row(row, missing), name, source)
    return y.astype(np.int64)


def find_head(table: Table) -> tuple[Head, Classes]:
    """Return the head that labelled rows need, and what its outputs stand for.

    Those of a regression stand for the targets, by their names.

    Raises
    ------
    DataError
        If there is only one class, or classes are given as columns.
    """
    assert table.y is not None
    if is_regression(table):
        constant = (table.y == table.y[:1]).all(axis=0)
        names = table.label_names or tuple(str(target) for target in range(table.y.shape[1]))
        if constant.any():
            raise DataError(
                f"The target {quoted(names[int(constant.argmax())])} of {table.source} has a "
                "single value: a regression has nothing to predict. Name another target."
            )
        return Head.REGRESSION, names
    if table.y.ndim == 2:
        if table.label_names is None and (table.y.sum(axis=1) == 1).all():
            raise DataError(
                f"The labels of {table.source} must have shape (n,). Got shape {table.y.shape} "
                "instead, with a single 1 in every row, so they seem to be classes. Save the "
                "number of each class, as y.argmax(axis=1) returns it."
            )
        return Head.MULTILABEL, table.label_names or tuple(range(table.y.shape[1]))
    return Head.CLASSES, find_classes(table.y, table.source)


def is_regression(table: Table) -> bool:
    """Return whether the targets of a table are values, not classes or labels."""
    return table.y is not None and table.y.dtype.kind == "f"


def encode_targets(
    table: Table, head: Head, classes: Classes
) -> NDArray[np.int64] | NDArray[np.float64]:
    """Return class numbers of a labelled table, (n,), the labels of rows, (n, L), or values (n, T).

    Raises
    ------
    DataError
        If a class was never seen in training, or the labels are others.
    """
    assert table.y is not None
    if head.facts.probabilities is None:
        return _values(table, tuple(str(name) for name in classes))
    if head.facts.picks_one:
        if table.y.ndim == 2:
            raise DataError(
                f"{table.source} has {table.y.shape[1]} columns of labels, but the model has "
                f"{len(classes)} classes, of which a row has one. Name one column with --target."
            )
        return encode_labels(table.y, classes, table.source)
    if table.y.ndim != 2:
        raise DataError(
            f"{table.source} has one column of labels, but the model has {len(classes)} labels: "
            f"{listed([str(label) for label in classes])}. Name the column of each with --target."
        )
    classes = tuple(str(label) for label in classes)  # a model may have numbers for names
    names = table.label_names or tuple(str(number) for number in range(table.y.shape[1]))
    named = table.label_names is not None
    if set(names) != set(classes) if named else len(names) != len(classes):
        raise DataError(
            f"{table.source} has the labels {listed(names)}, but the model "
            f"has {listed([str(label) for label in classes])}. Name the column of each with "
            "--target."
        )
    if not named:
        return table.y.astype(np.int64)
    return table.y[:, [names.index(label) for label in classes]].astype(np.int64)


def _values(table: Table, targets: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the values of targets by their names, (n, T)."""
    assert table.y is not None
    y = table.y.reshape(len(table.y), -1)
    names = table.label_names
    if names is not None and len(names) == len(targets) == 1:
        return y.astype(np.float64)  # whatever it is called here
    unnamed = targets == tuple(map(str, range(len(targets))))  # an estimator has no names
    if unnamed and y.shape[1] == len(targets):
        return y.astype(np.float64)
    if y.shape[1] != len(targets) or (names is not None and set(names) != set(targets)):
        there = f"{y.shape[1]} targets" if names is None else f"the targets {listed(names)}"
        raise DataError(
            f"{table.source} has {there}, but the model has {listed(targets)}. Name the column of "
            "each with --target."
        )
    columns = y if names is None else y[:, [names.index(name) for name in targets]]
    return columns.astype(np.float64)


def _bad_indicator(value: str, row: int, name: str, source: str) -> DataError:
    shown = value if len(value) <= 40 else value[:40] + "…"
    return DataError(
        f"{source} has {quoted(shown)} in row {row} of the label {name}. Where there are "
        "several columns of labels, each must hold 0 and 1, or false and true: whether a row has "
        "the label. Name one column of classes, or columns of zeros and ones; for values give "
        "--task regression."
    )
