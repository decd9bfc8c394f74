"""Scores: each against its definition, and beside the best constant answer."""

import numpy as np
import pytest

from sdae.app.runs.scores import score_classes, score_labels, score_values


def test_scores_of_classes_follow_their_definitions() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1]])
    y = np.array([0, 0, 1, 1])  # class 2 does not occur
    scores = score_classes(np.log(p) + 7, y)
    assert (scores.n_rows, scores.n_wrong) == (4, 1)
    assert scores.log_loss == pytest.approx(-np.log([0.7, 0.6, 0.5, 0.4]).mean())
    assert scores.balanced_accuracy == (1 + 0.5) / 2
    assert scores.auc == pytest.approx(1.0)  # each class ranks its own rows first
    assert (scores.majority, scores.majority_error) == (0, 0.5)
    assert scores.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_the_area_counts_pairs_in_the_right_order() -> None:
    raw = np.stack([np.zeros(5), [3.0, 1, 2, 0, 1]], axis=1)
    y = np.array([1, 1, 0, 0, 0])
    # of 6 pairs of a row of class 1 and one of class 0: 4 in order, 1 alike, 1 the other way
    assert score_classes(raw, y).auc == pytest.approx((4 + 1 / 2) / 6)
    assert score_classes(raw, np.ones(5, int)).auc is None


def test_a_useless_answer_is_seen_beside_the_majority() -> None:
    y = np.array([1] * 6 + [0] * 94)
    scores = score_classes(np.tile([2.0, 0.0], (100, 1)), y)
    assert scores.n_wrong / scores.n_rows == pytest.approx(0.06)
    assert scores.majority_error == pytest.approx(0.06)
    assert (scores.majority, scores.balanced_accuracy, scores.auc) == (0, 0.5, 0.5)


def test_scores_of_labels_follow_their_definitions() -> None:
    raw = np.array([[1.0, -1], [-2, 3], [0.5, 1], [-1, -1]])
    y = np.array([[1, 0], [0, 1], [0, 1], [0, 0]])
    scores = score_labels(raw, y)
    p = 1 / (1 + np.exp(-raw))
    assert scores.n_wrong == 1
    assert scores.log_loss == pytest.approx(-np.log(np.where(y, p, 1 - p)).sum(axis=1).mean())
    assert scores.auc == 1.0
    assert scores.majority_error == (0.25 + 0.5) / 2


def test_scores_of_values_follow_their_definitions() -> None:
    predicted = np.array([[1.0, 5], [2, 5], [4, 5]])
    y = np.array([[1.0, 5], [3, 5], [5, 5]])
    first, second = score_values(predicted, y)
    assert first.r2 == pytest.approx(1 - 2 / 8)
    assert first.mae == pytest.approx(2 / 3)
    assert first.rmse == pytest.approx(np.sqrt(2 / 3))
    assert first.mae_of_median == pytest.approx(4 / 3)
    assert (second.r2, second.mae) == (None, 0)
