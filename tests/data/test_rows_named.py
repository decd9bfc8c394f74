"""A message about a label names the row of the file, where rows before it have no label."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest

from sdae.core.errors import DataError
from sdae.data import load_dataset
from sdae.data.stored.dataset import stored_dataset
from sdae.data.stored.typed_dataset import stored_typed
from sdae.data.tables import ReadOptions
from sdae.data.task import Task
from sdae.data.typed_dataset import load_typed

N, N_WITHOUT, FAULTY = 60, 10, 40
X = np.arange(2 * N, dtype=np.float64).reshape(N, 2)
FAULTS: dict[str, tuple[Any, Task | None]] = {
    "text": ("oops", Task.REGRESSION),
    "infinite": ("inf", Task.REGRESSION),
    "long": ("w" * 2000, Task.CLASSIFICATION),
    "indicator": ("2", Task.MULTILABEL),
}
WORDS = f"row {FAULTY + 1}( |\\.)"


def labels(fault: str) -> list[str | None]:
    """Return labels of which the first are missing, and one is faulty."""
    found: list[str | None] = [None if row < N_WITHOUT else str(row % 2) for row in range(N)]
    found[FAULTY] = FAULTS[fault][0]
    return found


def written(path: Path, fault: str) -> Path:
    table = pd.DataFrame(X, columns=["a", "b"]).assign(y=labels(fault))
    if path.suffix == ".parquet":
        table.to_parquet(path, row_group_size=10)
    elif path.suffix == ".feather":
        table.to_feather(path)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_of_a_file_of_numbers(tmp_path: Path, suffix: str, fault: str) -> None:
    path, task = written(tmp_path / f"rows{suffix}", fault), FAULTS[fault][1]
    with pytest.raises(DataError, match=WORDS):
        load_dataset(path, "y", task=task)
    with pytest.raises(DataError, match=WORDS):
        stored_dataset(str(path), ["y"], task=task, memory=320)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("suffix", [".tsv", ".feather", ".csv", ".parquet"])
def test_of_a_table(tmp_path: Path, suffix: str, fault: str) -> None:
    path, task = written(tmp_path / f"rows{suffix}", fault), FAULTS[fault][1]
    with pytest.raises(DataError, match=WORDS):
        load_typed(path, ReadOptions(), "y", task)
    with pytest.raises(DataError, match=WORDS):
        stored_typed(str(path), ReadOptions(), "y", task, memory=320)


@pytest.mark.parametrize("fault", ["infinite", "indicator"])
def test_of_arrays(tmp_path: Path, fault: str) -> None:
    task = FAULTS[fault][1]
    y = np.array([np.nan if label is None else float(label) for label in labels(fault)])
    np.savez(tmp_path / "rows.npz", x=X, y=y)
    np.save(tmp_path / "rows.npy", np.column_stack([X, y]))
    with pytest.raises(DataError, match=WORDS):
        load_dataset(tmp_path / "rows.npz", task=task)
    with pytest.raises(DataError, match=WORDS):
        load_dataset(tmp_path / "rows.npy", "2", task=task)
    with pytest.raises(DataError, match=WORDS):
        stored_dataset(str(tmp_path / "rows.npy"), ["2"], task=task, memory=320)


def test_of_texts_in_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=X, y=[label or "" for label in labels("long")])
    with pytest.raises(DataError, match=WORDS):
        load_dataset(tmp_path / "rows.npz")
