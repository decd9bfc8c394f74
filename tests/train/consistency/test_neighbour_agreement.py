"""Whether rows have the labels of their neighbours."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch
from sdae.core.rows import SparseRows
from sdae.train.consistency import neighbour_agreement
from sdae.train.consistency.neighbour_agreement import agreement_with_neighbours
from sdae.train.consistency.neighbours import comparable, nearest
from sdae.train.consistency.spreading import affinity, spread

RNG = np.random.default_rng(3)
Y = np.arange(300) % 3
GROUPS = (6 * np.eye(3)[Y] + RNG.normal(size=(300, 3))).astype(np.float32)
CLOUD = RNG.normal(size=(300, 3)).astype(np.float32)


def kappa_of(
    x: Any, y: np.ndarray[Any, Any] = Y, n_labelled: int = 60, n_classes: int = 3
) -> float | None:
    return agreement_with_neighbours(
        x[:n_labelled], x[n_labelled:], y[:n_labelled], n_classes, 0, typed=False
    )


class Elsewhere:
    """Rows that come in minibatches alone, and what was asked for."""

    def __init__(self, x: np.ndarray[Any, Any], window: int | None = None) -> None:
        self.x, self.window = x, window
        self.asked: list[np.ndarray[Any, Any]] = []

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, minibatch: Minibatch) -> torch.Tensor:
        self.asked.append(minibatch.samples)
        return torch.from_numpy(self.x[minibatch.samples])


def test_groups_agree_and_a_cloud_does_not() -> None:
    groups, cloud = kappa_of(GROUPS), kappa_of(CLOUD)
    assert groups is not None
    assert cloud is not None
    assert groups > 0.9
    assert abs(cloud) < 0.25


def test_it_does_not_matter_how_often_a_class_occurs() -> None:
    """Where one class has most rows, most labels come back; that is no agreement."""
    rare = (np.arange(300) % 10 == 0).astype(np.int64)
    kappa = kappa_of(CLOUD, rare, n_classes=2)
    assert kappa is not None
    assert abs(kappa) < 0.2


def test_it_is_what_it_says() -> None:
    """Hide a tenth of each class at a time, spread the others, and count."""
    x = (2 * np.eye(3)[Y] + RNG.normal(size=(300, 3))).astype(np.float32)
    y = Y[:60]
    graph = affinity(*nearest(comparable(x, 0), 10, 0))
    returned = np.empty(60, np.int64)
    by_class = np.concatenate([np.flatnonzero(y == label) for label in range(3)])
    for number in range(10):
        hidden = by_class[number::10]
        given = np.full(300, -1)
        given[:60] = y
        given[hidden] = -1
        returned[hidden] = spread(graph, given, 3).classes[hidden]
    observed = np.mean(returned == y)
    chance = sum(np.mean(y == label) * np.mean(returned == label) for label in range(3))
    expected = (observed - chance) / (1 - chance)
    assert 0.3 < expected < 0.95
    assert kappa_of(x) == pytest.approx(expected)


@pytest.mark.parametrize(
    "y",
    [np.arange(14) % 3, np.arange(9) % 1, np.arange(60) % 13],
    ids=["under five of three classes", "nine of one", "under five of thirteen"],
)
def test_too_few_labels_say_nothing(y: np.ndarray[Any, Any]) -> None:
    assert kappa_of(GROUPS, y, len(y), n_classes=int(y.max()) + 1) is None


def test_labels_are_too_few_by_those_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbour_agreement, "_MOST_LABELLED", 15)
    assert kappa_of(GROUPS) is not None
    monkeypatch.setattr(neighbour_agreement, "_MOST_LABELLED", 14)
    assert kappa_of(GROUPS) is None


@pytest.mark.parametrize("n_others", [0, 1])
def test_labels_of_one_class_do_not_speak_for_neighbours(n_others: int) -> None:
    y = (np.arange(60) < n_others).astype(np.int64)
    assert kappa_of(GROUPS, y, n_classes=2) == 0


def test_a_class_with_one_label_is_not_asked_for() -> None:
    """That label cannot come back, whatever the rows are like."""
    y = Y.copy()
    y[:3] = 3, 4, 5
    kappa = kappa_of(GROUPS, y, n_classes=6)
    assert kappa is not None
    assert kappa > 0.85


def test_rows_of_a_source_and_sparse_ones_are_the_same() -> None:
    expected = kappa_of(GROUPS)
    thin = [
        SparseRows(sparse.csr_array(part), torch.zeros(1)) for part in (GROUPS[:60], GROUPS[60:])
    ]
    far = [Elsewhere(part) for part in (GROUPS[:60], GROUPS[60:])]
    for x, others in (thin, far):
        assert agreement_with_neighbours(x, others, Y[:60], 3, 0, typed=False) == expected


@pytest.mark.parametrize("window", [None, 64])
def test_of_many_rows_some_are_asked_for(
    window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_agreement, "_MOST_LABELLED", 40)
    monkeypatch.setattr(neighbour_agreement, "_MOST_ROWS", 140)
    monkeypatch.setattr(neighbour_agreement, "_FEWEST_ROWS", 50)
    labelled, others = Elsewhere(GROUPS[:60], window), Elsewhere(GROUPS[60:], window)
    kappa = agreement_with_neighbours(labelled, others, Y[:60], 3, 0, typed=False)
    assert kappa is not None
    assert kappa > 0.8
    (_, first), (second,) = labelled.asked, others.asked
    assert len(np.unique(first)) == 40
    assert len(np.unique(second)) == 100
    assert (second[0], second[-1]) == (0, 239)
    assert (np.diff(second) == 1).sum() == (90 if window else 0)


def test_rows_that_are_too_wide_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is read to see how wide they are: all of them may not fit into memory."""
    monkeypatch.setattr(neighbour_agreement, "_MOST_NUMBERS", 3 * 100)
    assert kappa_of(GROUPS) is None
    labelled, others = Elsewhere(GROUPS[:60]), Elsewhere(GROUPS[60:])
    assert agreement_with_neighbours(labelled, others, Y[:60], 3, 0, typed=False) is None
    assert [len(samples) for samples in labelled.asked + others.asked] == [1]


@pytest.mark.parametrize("of_others", [False, True])
def test_a_source_with_a_gap_is_refused(of_others: bool) -> None:
    x = GROUPS.copy()
    x[200 if of_others else 20, 1] = np.nan
    labelled, others = Elsewhere(x[:60]), Elsewhere(x[60:])
    with pytest.raises(DataError, match=r"not finite .* Impute them or drop the rows"):
        agreement_with_neighbours(labelled, others, Y[:60], 3, 0, typed=False)


@pytest.mark.filterwarnings("error")
def test_equal_rows_of_many_columns_say_nothing_for_neighbours() -> None:
    assert kappa_of(np.ones((300, 60), np.float32)) == pytest.approx(0, abs=0.2)
