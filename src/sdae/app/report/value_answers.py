"""How a regression answers: its errors beside the best constant answer, and the farthest rows.

Axes: n rows, T targets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.app.export.exported_model import target_scaling_of, undone
from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks, outputs_of_rows
from sdae.app.runs.model_rows import outputs_of
from sdae.app.runs.scores import ValueScores, score_values
from sdae.core.inference import answers

MOST_POINTS = 1_000
MOST_FARTHEST = 12

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TargetAnswers:
    """The network's answers for one target, in its units.

    Attributes
    ----------
    name : str
    scores : ValueScores
    known, predicted : ndarray of float64, shape (m,)
        Some of the rows, for a chart.
    farthest : tuple of (int, float, float)
        Numbers of the rows with the largest errors, their value, and the answer.
    """

    name: str
    scores: ValueScores
    known: Values
    predicted: Values
    farthest: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, eq=False)
class ValueAnswers:
    """The network's answers to rows with known values.

    Attributes
    ----------
    n_rows : int
    targets : tuple of TargetAnswers
    """

    n_rows: int
    targets: tuple[TargetAnswers, ...]


def value_answers_of(networks: Networks, rows: Part) -> ValueAnswers | None:
    """Ask the network about rows; None where they do not have values."""
    model = networks.final
    described = outputs_of(model)
    if rows.values is None or described is None:
        return None
    head, names = described
    raw = outputs_of_rows(model, rows.x)  # (n, T)
    predicted = undone(answers(head, raw).astype(np.float64), target_scaling_of(model))
    return value_answers_from(predicted, rows.values, tuple(map(str, names)), rows.numbers)


def value_answers_from(
    predicted: Values, known: Values, names: tuple[str, ...], numbers: NDArray[np.int64]
) -> ValueAnswers:
    """Describe answers (n, T) to rows of known values (n, T), of some numbers (n,)."""
    step = -(-len(known) // MOST_POINTS)
    targets = []
    for target, scores in enumerate(score_values(predicted, known)):
        y, p = known[:, target], predicted[:, target]
        order = np.argsort(-np.abs(p - y), kind="stable")[:MOST_FARTHEST]
        farthest = tuple((int(numbers[row]), float(y[row]), float(p[row])) for row in order)
        targets.append(TargetAnswers(names[target], scores, y[::step], p[::step], farthest))
    return ValueAnswers(len(known), tuple(targets))
