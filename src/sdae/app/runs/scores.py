"""How good answers are: errors and likelihoods, beside the best answer that looks at no row.

Axes: n rows, C classes, L labels, T targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.core.inference import log_likelihood_of_labels, log_probabilities, probabilities
from sdae.core.kinds.heads import Head

Numbers = NDArray[np.int64]
Values = NDArray[np.float64]

MOST_CLASSES = 10
"""A confusion matrix of more classes is not shown."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of a classification.

    Attributes
    ----------
    n_rows, n_wrong : int
    log_loss : float
        Mean negative log-likelihood of the classes, in nats.
    balanced_accuracy : float
        Mean, over the classes that occur, of the share of their rows that is right.
    auc : float or None
        Area under the ROC curve; of several classes the mean of each against the rest. None if a
        single class occurs.
    majority : int
        The most frequent class.
    majority_error : float
        Share of rows that are wrong if this class is the answer for all.
    confusion : ndarray of int64, shape (C, C)
        Rows of each class, by the class that they got.
    """

    n_rows: int
    n_wrong: int
    log_loss: float
    balanced_accuracy: float
    auc: float | None
    majority: int
    majority_error: float
    confusion: Numbers


@dataclass(frozen=True, eq=False)
class LabelScores:
    """Scores of several labels.

    Attributes
    ----------
    n_wrong : int
        Of n · L labels.
    log_loss : float
        Mean negative log-likelihood of the labels of a row, in nats.
    auc : float or None
        Mean over the labels that some rows have and others lack.
    majority_error : float
        Share of labels that are wrong if each gets its more frequent value in all rows.
    """

    n_wrong: int
    log_loss: float
    auc: float | None
    majority_error: float


@dataclass(frozen=True, eq=False)
class ValueScores:
    """Scores of one target of a regression, in its units.

    Attributes
    ----------
    r2 : float or None
        Share of the variance that is explained; None if all values are equal.
    mae, rmse : float
        Mean absolute error, and the root of the mean squared error.
    mae_of_median : float
        Mean absolute error of the median as the answer for all rows.
    """

    r2: float | None
    mae: float
    rmse: float
    mae_of_median: float


def score_classes(raw: NDArray[np.floating], y: Numbers) -> ClassScores:
    """Score logits (n, C) of rows whose classes are known, (n,)."""
    from sklearn.metrics import confusion_matrix

    n_classes = raw.shape[1]
    log_p = log_probabilities(raw)
    confusion = confusion_matrix(y, raw.argmax(axis=1), labels=range(n_classes)).astype(np.int64)
    sizes = confusion.sum(axis=1)
    there = sizes > 0
    recalls = confusion.diagonal()[there] / sizes[there]
    majority = int(sizes.argmax())
    return ClassScores(
        n_rows=len(y),
        n_wrong=int(len(y) - confusion.trace()),
        log_loss=float(-log_p[np.arange(len(y)), y].mean()),
        balanced_accuracy=float(recalls.mean()),
        auc=_mean_auc(y[:, np.newaxis] == np.arange(n_classes), _scores(raw, log_p)),
        majority=majority,
        majority_error=1 - float(sizes[majority]) / len(y),
        confusion=confusion,
    )


def score_labels(raw: NDArray[np.floating], y: Numbers) -> LabelScores:
    """Score logits (n, L) of rows whose labels are known, (n, L)."""
    share = y.mean(axis=0)
    return LabelScores(
        n_wrong=int(((raw > 0) != y).sum()),
        log_loss=float(-log_likelihood_of_labels(raw, y).mean()),
        auc=_mean_auc(y == 1, probabilities(Head.MULTILABEL, raw)),
        majority_error=float(np.minimum(share, 1 - share).mean()),
    )


def score_values(predicted: Values, y: Values) -> list[ValueScores]:
    """Score predictions (n, T) of values (n, T), each target by itself."""
    return [_of_one(*each) for each in zip(predicted.T, y.T, strict=True)]


def _of_one(predicted: Values, y: Values) -> ValueScores:
    errors = predicted - y
    spread = float(np.square(y - y.mean()).sum())
    return ValueScores(
        r2=1 - float(np.square(errors).sum()) / spread if np.ptp(y) > 0 else None,
        mae=float(np.abs(errors).mean()),
        rmse=float(np.sqrt(np.square(errors).mean())),
        mae_of_median=float(np.abs(y - np.median(y)).mean()),
    )


def _scores(raw: NDArray[np.floating], log_p: Values) -> Values:
    """Return what ranks the rows of each class, (n, C): of two classes the difference of logits."""
    if raw.shape[1] != 2:
        return log_p
    difference = raw[:, 1].astype(np.float64) - raw[:, 0]
    return np.stack([-difference, difference], axis=1)


def _mean_auc(belongs: NDArray[np.bool_], scores: Values) -> float | None:
    """Return the mean area over the columns, (n, K), that have rows of both kinds."""
    from sklearn.metrics import roc_auc_score

    mixed = [k for k, column in enumerate(belongs.T) if column.any() and not column.all()]
    areas: Sequence[float] = [roc_auc_score(belongs[:, k], scores[:, k]) for k in mixed]
    return float(np.mean(areas)) if areas else None
