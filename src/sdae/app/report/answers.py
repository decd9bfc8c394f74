"""Predictions of the network: confusions, calibration, and the worst errors.

Axes: n rows, C classes, K bins.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks, log_probabilities_of

_BINS = 10
MOST_WRONG = 12
MOST_CONFUSIONS = 12


@dataclass(frozen=True)
class Confidence:
    """Predictions of about the same confidence.

    Attributes
    ----------
    n_rows : int
    confidence, accuracy : float
        The mean probability of the predicted class, and the accuracy.
    """

    n_rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Wrong:
    """A row that is classified wrongly.

    Attributes
    ----------
    place : int
        Index of the row among the rows shown.
    label, predicted : int
        Class numbers.
    probability, probability_of_label : float
        Probability of the predicted class, and of the correct one.
    """

    place: int
    label: int
    predicted: int
    probability: float
    probability_of_label: float


@dataclass(frozen=True, eq=False)
class Answers:
    """The network's predictions of labelled rows.

    Attributes
    ----------
    n_rows, n_wrong : int
    negative_log_likelihood : float
        Mean of −log p of the correct class.
    confusion : ndarray of int64, shape (C, C)
        Rows by label (down) and prediction (across).
    bins : tuple of Confidence
        The non-empty ones of ten equal intervals of confidence.
    calibration_error : float
        Mean distance between confidence and accuracy over rows.
    confusions : tuple of (int, int, int)
        Label, prediction and number of rows, the most frequent first.
    worst : tuple of Wrong
        Wrong predictions, the most confident first.
    """

    n_rows: int
    n_wrong: int
    negative_log_likelihood: float
    confusion: NDArray[np.int64]
    bins: tuple[Confidence, ...]
    calibration_error: float
    confusions: tuple[tuple[int, int, int], ...]
    worst: tuple[Wrong, ...]

    @property
    def error(self) -> float:
        """Share of rows classified wrongly."""
        return self.n_wrong / self.n_rows


def answers_of(networks: Networks, rows: Part) -> Answers | None:
    """Predict rows; None without labels or without classes."""
    if rows.y is None or not networks.classifies:
        return None
    return answers_from(log_probabilities_of(networks.final, rows.x), rows.y)


def answers_from(log_p: NDArray[np.float64], y: NDArray[np.int64]) -> Answers:
    """Describe log-probabilities (n, C) of rows with class numbers (n,)."""
    n_rows, n_classes = log_p.shape
    predicted = log_p.argmax(axis=1)  # (n, C) -> (n,)
    confusion = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(confusion, (y, predicted), 1)
    of_label = log_p[np.arange(n_rows), y]  # (n,)
    p, p_of_label = np.exp(log_p.max(axis=1)), np.exp(of_label)
    right = predicted == y
    bins = _bins(p, right)
    wrong = np.flatnonzero(~right)
    surest = wrong[np.argsort(-p[wrong], kind="stable")][:MOST_WRONG]
    return Answers(
        n_rows=n_rows,
        n_wrong=len(wrong),
        negative_log_likelihood=float(-of_label.mean()),
        confusion=confusion,
        bins=bins,
        calibration_error=sum(b.n_rows * abs(b.confidence - b.accuracy) for b in bins) / n_rows,
        confusions=_confusions(confusion),
        worst=tuple(
            Wrong(int(i), int(y[i]), int(predicted[i]), float(p[i]), float(p_of_label[i]))
            for i in surest
        ),
    )


def _bins(p: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Confidence, ...]:
    number = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)  # (n,)
    found = []
    for which in np.unique(number):
        inside = number == which
        share = float(right[inside].mean())
        found.append(Confidence(int(inside.sum()), float(p[inside].mean()), share))
    return tuple(found)


def _confusions(confusion: NDArray[np.int64]) -> tuple[tuple[int, int, int], ...]:
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    labels, predictions = np.unravel_index(order, wrong.shape)
    pairs = zip(labels, predictions, strict=True)
    return tuple((int(a), int(b), int(wrong[a, b])) for a, b in pairs if wrong[a, b])
