"""How a network with several labels answers: how often each is there, found, and right.

Axes: n rows, L labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks, outputs_of_rows
from sdae.core.inference import answers, log_likelihood_of_labels


@dataclass(frozen=True)
class LabelFacts:
    """How one label is predicted.

    Attributes
    ----------
    n_rows, n_predicted : int
        Rows that have the label, and rows predicted to have it.
    error : float
        Share of rows where it is predicted wrongly.
    precision, recall : float or None
        Of the rows predicted to have it the share that do; of those that do the share predicted.
        None where there are no such rows.
    """

    n_rows: int
    n_predicted: int
    error: float
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class LabelAnswers:
    """The network's answers to rows with known labels.

    Attributes
    ----------
    n_rows : int
    error : float
        Share of labels predicted wrongly.
    n_exact : int
        Rows of which every label is right.
    negative_log_likelihood : float
        Mean over rows of −log p of their labels.
    labels : tuple of LabelFacts
    """

    n_rows: int
    error: float
    n_exact: int
    negative_log_likelihood: float
    labels: tuple[LabelFacts, ...]


def label_answers_of(networks: Networks, rows: Part) -> LabelAnswers | None:
    """Ask the network about rows; None where they do not have several labels."""
    head = networks.final.stack.head_kind
    if rows.labels is None or head is None or head.facts.picks_one:
        return None
    raw = outputs_of_rows(networks.final, rows.x)  # (n, L)
    return label_answers_from(raw, answers(head, raw), rows.labels)


def label_answers_from(
    raw: NDArray[np.floating], predicted: NDArray[np.int64], y: NDArray[np.int64]
) -> LabelAnswers:
    """Describe outputs and answers, (n, L), for rows with labels, (n, L)."""
    wrong = predicted != y
    return LabelAnswers(
        n_rows=len(y),
        error=float(wrong.mean()),
        n_exact=int((~wrong).all(axis=1).sum()),
        negative_log_likelihood=float(-log_likelihood_of_labels(raw, y).mean()),
        labels=tuple(
            _facts_of(predicted[:, label] == 1, y[:, label] == 1) for label in range(y.shape[1])
        ),
    )


def _facts_of(predicted: NDArray[np.bool_], y: NDArray[np.bool_]) -> LabelFacts:
    n_both = int((predicted & y).sum())
    n_rows, n_predicted = int(y.sum()), int(predicted.sum())
    return LabelFacts(
        n_rows,
        n_predicted,
        float((predicted != y).mean()),
        n_both / n_predicted if n_predicted else None,
        n_both / n_rows if n_rows else None,
    )
