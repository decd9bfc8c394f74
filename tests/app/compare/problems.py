"""Synthetic problems whose answer is known: pre-training helps, is in the way, or cannot matter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.compare.result_cache import Cell
from sdae.app.compare.study import NETWORKS, Study
from sdae.app.compare.study_data import StudyData

SMALL_NETWORK = {
    "hidden_layer_sizes": [2],
    "pretrain_epochs": 8,
    "pretrain_learning_rate": 0.01,
    "batch_size": 8,
    "max_iter": 20,
    "alpha": 0.0001,  # the penalty for few labels would hide what pre-training does
    "scale": "none",
}
TUNED = ("max_iter", "alpha")
"""Those of them that are of fine-tuning."""
TINY_NETWORK = {**SMALL_NETWORK, "pretrain_epochs": 2, "max_iter": 4}


def helped() -> StudyData:
    """Return rows in which the label is the one thing that the columns share.

    Each of 150 columns is noise of its own and a little of the label. A dozen labelled rows cannot
    tell the two apart; all the rows can.
    """
    rng = np.random.default_rng(1)
    y = np.arange(300) % 2
    shared = (2 * y[:, None] - 1) * np.sign(rng.normal(size=150))  # (n, 1) * (V,) -> (n, V)
    return made("helped", 0.25 * shared + rng.normal(size=(300, 150)), y)


def hurt() -> StudyData:
    """Return rows in which the label is what the columns do not share.

    Twelve large columns hang together, and the label has a small column for itself. A narrow
    network that has learned the large ones is full of them, and cannot see the small one any more.
    """
    rng = np.random.default_rng(2)
    y = np.arange(240) % 2
    factors = rng.normal(size=(240, 2)) @ rng.normal(size=(2, 12))  # -> (n, 12)
    return made("hurt", np.column_stack([2 * factors, 2 * y - 1 + 0.3 * rng.normal(size=240)]), y)


def noise() -> StudyData:
    """Return rows that say nothing of the label."""
    rng = np.random.default_rng(3)
    return made("noise", rng.normal(size=(240, 12)), np.arange(240) % 2)


def blobs(n_rows: int = 90, n_classes: int = 3) -> StudyData:
    """Return rows around one centre per class, which any model can learn in no time."""
    rng = np.random.default_rng(4)
    y = np.arange(n_rows) % n_classes
    return made("blobs", 2 * np.eye(n_classes, 5)[y] + rng.normal(size=(n_rows, 5)), y)


def made(name: str, x: NDArray[Any], y: NDArray[Any]) -> StudyData:
    """Return rows and labels as the data of a study."""
    rows = x.astype(np.float32)
    return StudyData(name, rows, y.astype(np.int64), tuple(np.unique(y).tolist()), rows[:0])


def answering_study(*labels: int, seeds: int) -> Study:
    """Return a study of networks that learn enough of the problems to tell them apart."""
    return Study(labels, seeds, NETWORKS, folds=2, budget=1, network=SMALL_NETWORK)


def small_study(
    *labels: int | None,
    seeds: int = 2,
    models: tuple[str, ...] = NETWORKS,
    budget: int = 1,
) -> Study:
    """Return a study of networks that learn next to nothing, in no time."""
    return Study(labels, seeds, models, folds=2, budget=budget, network=TINY_NETWORK)


def outcomes(cells: list[Cell]) -> list[tuple[str, int, int, float, str]]:
    """Return what does not depend on the clock."""
    return [(cell.model, cell.labels, cell.seed, cell.error, cell.setting) for cell in cells]
