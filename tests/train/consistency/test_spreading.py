"""Label spreading against scikit-learn's, neighbours against all distances, and the teacher."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.semi_supervised import LabelSpreading

from sdae.core.errors import MissingExtraError
from sdae.core.rows import TensorRows
from sdae.train.consistency import neighbours
from sdae.train.consistency.neighbours import comparable, distance_to_neighbour, nearest
from sdae.train.consistency.spreading import affinity, shares_of_classes, spread
from sdae.train.consistency.teacher import Teacher

RNG = np.random.default_rng(1)
X = np.concatenate([RNG.normal(size=(30, 4)), RNG.normal(3, 1, size=(30, 4))]).astype(np.float32)
LABELS = np.full(60, -1)
LABELS[[0, 1, 35, 50]] = [0, 2, 1, 1]


def test_shares_are_those_of_scikit_learn_on_the_same_graph() -> None:
    graph = affinity(*nearest(X, 5, 0))
    with np.errstate(all="ignore"):
        model = LabelSpreading(kernel=lambda _x, _y: graph.toarray(), alpha=0.9, max_iter=60, tol=0)
        with pytest.warns(match="max_iter"):
            model.fit(X, LABELS)
    shares = shares_of_classes(graph, LABELS, 3, 0.9)
    np.testing.assert_allclose(shares, model.label_distributions_, rtol=1e-6, atol=1e-9)


def test_the_graph_is_symmetric_and_lacks_loops() -> None:
    graph = affinity(*nearest(X, 5, 0)).toarray()
    assert (graph == graph.T).all()
    assert (np.diag(graph) == 0).all()
    assert graph.max() <= 2


def test_labelled_rows_keep_their_labels_and_unreached_ones_are_unsure() -> None:
    far = np.concatenate([X, X[:12] + 1000])
    labels = np.concatenate([LABELS, np.full(12, -1)])
    found = spread(affinity(*nearest(far, 5, 0)), labels, 3)
    known = labels >= 0
    assert (found.classes[known] == labels[known]).all()
    assert (found.certainty[known] == 1).all()
    assert (found.certainty[60:] == 0).all()
    assert ((found.certainty >= 0) & (found.certainty <= 1)).all()
    assert (found.classes[30:60] == 1).mean() > 0.9


def test_a_label_spreads_by_its_weight() -> None:
    graph, weights = affinity(*nearest(X, 5, 0)), np.ones(60)
    weights[[1, 35]] = 3, 0.25
    one_by_one = [np.where(np.arange(60) == row, LABELS, -1) for row in (0, 1, 35, 50)]
    alone = [spread_mass(graph, labels) for labels in one_by_one]
    mass = sum(weight * each for weight, each in zip((1, 3, 0.25, 1), alone, strict=True))
    shares = shares_of_classes(graph, LABELS, 3, 0.9, weights)
    np.testing.assert_allclose(shares, mass / mass.sum(axis=1, keepdims=True), rtol=1e-9)
    found = spread(graph, LABELS, 3, weights=weights)
    assert found.certainty[[0, 1, 35, 50]].tolist() == [1, 1, 0.25, 1]
    assert (found.classes[[0, 1, 35, 50]] == LABELS[[0, 1, 35, 50]]).all()


def spread_mass(graph: Any, labels: np.ndarray[Any, Any]) -> Any:
    """Return what one label spreads, by solving F = α S F + (1 − α) Y with 60 steps."""
    w = graph.toarray()
    root = 1 / np.sqrt(w.sum(axis=1))
    s, y = root[:, None] * w * root, np.zeros((60, 3))
    y[labels >= 0, labels[labels >= 0]] = 1
    f = y
    for _ in range(60):
        f = 0.9 * s @ f + 0.1 * y
    return f


def test_neighbours_are_the_nearest_rows_without_the_row_itself() -> None:
    distances, places = nearest(X, 4, 0)
    apart = np.linalg.norm(X[:, None].astype(float) - X[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(distances, np.sort(apart, axis=1)[:, :4], rtol=1e-4)
    assert (places == np.argsort(apart, axis=1)[:, :4]).all()
    assert nearest(X[:3], 10, 0)[1].shape == (3, 2)


def test_the_distance_to_a_neighbour_is_the_median_of_all() -> None:
    apart = np.sort(np.linalg.norm(X[:, None].astype(float) - X[None], axis=2), axis=1)
    found = distance_to_neighbour(TensorRows(torch.from_numpy(X)), 7, seed=0)
    assert found == pytest.approx(np.median(apart[:, 7]), rel=1e-5)
    same = TensorRows(torch.ones(20, 3))
    assert distance_to_neighbour(same, 7, seed=0) == 0
    # rows that are equal to many others do not make it 0
    mixed = np.concatenate([np.repeat(X[:1], 50, axis=0), X])
    assert distance_to_neighbour(TensorRows(torch.from_numpy(mixed)), 7, seed=0) > 0.1


def test_many_columns_become_components_and_few_are_standardised() -> None:
    wide = RNG.normal(size=(80, 70)).astype(np.float32)
    assert comparable(wide, 0).shape == (80, 50)
    few = comparable(X * np.array([1, 10, 0, 5], np.float32) + 3, 0)
    np.testing.assert_allclose(few.std(axis=0), [1, 1, 0, 1], atol=1e-5)
    assert comparable(X, 0, typed=True) is X


def test_columns_far_from_0_have_the_same_neighbours() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(600, 5)) @ random.normal(size=(5, 60))
    rows += random.normal(size=(600, 60))
    x = (np.round(rows * 1024) / 1024).astype(np.float32)
    far = x + np.float32(4096)  # exact in float32
    assert (far - np.float32(4096) == x).all()
    distances, places = nearest(comparable(x, 0), 5, 0)
    found_distances, found = nearest(comparable(far, 0), 5, 0)
    assert (found == places).mean() > 0.999
    np.testing.assert_allclose(found_distances, distances, rtol=1e-4)


def test_many_rows_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST_EXACT", 50)
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sdae\[neighbours\]"'):
        nearest(X, 5, 0)


@pytest.mark.slow  # pynndescent compiles for half a minute
def test_approximate_neighbours_are_nearly_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pynndescent")
    many = np.random.default_rng(2).normal(size=(2000, 6)).astype(np.float32)
    distances, places = nearest(many, 10, 0)
    monkeypatch.setattr(neighbours, "MOST_EXACT", 50)
    found_distances, found = nearest(many, 10, 0)
    same = [len(set(a) & set(b)) for a, b in zip(places.tolist(), found.tolist(), strict=True)]
    assert np.mean(same) > 9.5
    assert (found != np.arange(2000)[:, None]).all()
    np.testing.assert_allclose(found_distances[:, 0], distances[:, 0], rtol=0.05)
    assert (nearest(many, 10, 0)[1] == found).all()


def test_a_teacher_is_the_mean_of_the_last_parameters() -> None:
    parameter = torch.tensor([8.0, 0.0])
    teacher = Teacher({"a": parameter})
    expected, history = np.array([8.0, 0.0]), []
    for update in range(150):
        parameter.copy_(torch.tensor([float(update), 1.0]))
        teacher.after_update(update)
        decay = min(0.99, update / (update + 1))
        expected = decay * expected + (1 - decay) * np.array([update, 1.0])
        history.append(teacher.mean["a"].tolist())
    assert history[0] == [0.0, 1.0]  # the first parameters are forgotten at once
    np.testing.assert_allclose(history[-1], expected, rtol=1e-5)
