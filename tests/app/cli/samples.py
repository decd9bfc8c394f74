"""Small files for the command line: a table of flowers, images, and what a folder holds."""

import gzip
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPECIES = ("setosa", "versicolor", "virginica")
HEADER = ("a", "b", "c", "d")
SMALL = (
    "--set=model.hidden_layer_sizes=[6,5]",
    "--set=pretraining.epochs=2",
    "--set=finetuning.epochs=3",
    "--set=finetuning.learning_rate=0.03",
)
LAST = ("--set=finetuning.restore_best=false", "--set=finetuning.early_stopping=false")
"""The last epoch is kept: after the first, hidden layers are as pre-training left them."""


def measurements(n_rows: int = 90) -> NDArray[np.float64]:
    """Return rows (n, 4) around one centre for each species, which follow each other in turn."""
    rng = np.random.default_rng(3)
    centres = np.eye(3, 4)[np.arange(n_rows) % 3] * 3
    return np.round(rng.normal(scale=0.7, size=(n_rows, 4)) + centres, 3)


def species(n_rows: int = 90) -> list[str]:
    """Return the labels of the measurements."""
    return [SPECIES[row % 3] for row in range(n_rows)]


def write_table(path: Path, header: Sequence[str], columns: Sequence[Sequence[object]]) -> Path:
    """Write columns as a CSV."""
    lines = [",".join(header)]
    lines += [",".join(str(value) for value in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_flowers(path: Path, *, labels: list[str] | None = None, n_rows: int = 90) -> Path:
    """Write the measurements with the column ``species`` at the end."""
    labels = species(n_rows) if labels is None else labels
    columns: list[list[object]] = [list(column) for column in measurements(n_rows).T]
    return write_table(path, (*HEADER, "species"), [*columns, list(labels)])


def write_rows(path: Path, n_rows: int = 90) -> Path:
    """Write the measurements without labels."""
    columns: list[list[object]] = [list(column) for column in measurements(n_rows).T]
    return write_table(path, HEADER, columns)


def images(n_rows: int = 60) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (n, 4, 5) of a bright row whose place is the label, and labels (n,)."""
    rng = np.random.default_rng(4)
    y = (np.arange(n_rows) % 4).astype(np.uint8)
    x = rng.integers(0, 60, size=(n_rows, 4, 5), dtype=np.uint8)
    x[np.arange(n_rows), y] += 150
    return x, y


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Return bytes as an IDX file."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def write_idx_folder(folder: Path, *, packed: bool = False) -> Path:
    """Write the images as a folder of IDX files, 40 rows to train and 20 to test."""
    folder.mkdir()
    x, y = images()
    files = {
        "train-images-idx3-ubyte": x[:40],
        "train-labels-idx1-ubyte": y[:40],
        "t10k-images-idx3-ubyte": x[40:],
        "t10k-labels-idx1-ubyte": y[40:],
    }
    for name, array in files.items():
        content = idx_bytes(array)
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / name).write_bytes(content)
    return folder


def write_parts(path: Path) -> Path:
    """Write the images as an ``.npz``: 30 rows to train, 15 to validate, 15 to test."""
    x, y = images()
    parts = {"x_train": x[:30], "x_validation": x[30:45], "x_test": x[45:]}
    labels = {"y_train": y[:30], "y_validation": y[30:45], "y_test": y[45:]}
    np.savez(path, **parts, **labels, allow_pickle=False)
    return path


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return all a folder holds, hidden files too: bytes of files, None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def history(run: Path) -> list[dict[str, Any]]:
    """Return the records of a run's history."""
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
