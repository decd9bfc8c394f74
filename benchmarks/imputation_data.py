"""The tables of ``imputation.py``, and the cells that it hides.

Most are in ``tests/data/tables``, whose README names sources and licences. Wine comes with
scikit-learn. Three come from the package ISLP, whose data have no clear licence: they are
downloaded from PyPI into a temporary folder.
"""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_wine

pd: Any = import_module("pandas")
FOLDER = Path(__file__).parents[1] / "tests" / "data" / "tables"
ISLP = "ISLP==0.6.0"
_FROM_ISLP = ("Carseats", "Hitters", "OJ")

Cells = NDArray[np.bool_]


def tables() -> dict[str, Any]:
    """Return the tables by name: numbers, texts, and dates."""
    found = {path.stem: pd.read_csv(path) for path in sorted(FOLDER.glob("*.csv"))}
    found["statecrime"] = found["statecrime"].drop(columns="state")  # differs from row to row
    found["weather"]["date"] = pd.to_datetime(found["weather"]["date"])
    wine = load_wine(as_frame=True)
    found["wine"] = wine.data.assign(cultivar=wine.target_names[wine.target])
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, ISLP]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with ZipFile(wheel) as archive:
            for name in _FROM_ISLP:
                with archive.open(f"ISLP/data/{name}.csv") as file:
                    found[name] = pd.read_csv(file)
    return found


def is_number(column: Any) -> bool:
    """Return whether a column holds numbers or dates."""
    return bool(column.dtype.kind in "ifM")


def hidden_cells(table: Any, rate: float, mechanism: str, seed: int) -> Cells:
    """Choose observed cells to hide, (n, V).

    ``random``: each with probability `rate`. ``dependent``: with a probability that rises with a
    column of numbers, from 0 to twice the rate; that column, drawn by the seed, stays.
    """
    rng = np.random.default_rng(seed)
    observed = table.notna().to_numpy()
    share = np.full(table.shape, rate)
    if mechanism == "dependent":
        whole = [
            k for k, name in enumerate(table) if is_number(table[name]) and observed[:, k].all()
        ]
        cause = int(rng.choice(whole))
        rank = table.iloc[:, cause].rank(pct=True).to_numpy()
        share = np.repeat(np.minimum(2 * rate * rank, 1.0)[:, None], table.shape[1], axis=1)
        share[:, cause] = 0
    hidden: Cells = observed & (rng.random(table.shape) < share)
    emptied = np.flatnonzero((hidden | ~observed).all(axis=1))
    for row in emptied:  # a row keeps one value
        hidden[row, rng.choice(np.flatnonzero(hidden[row]))] = False
    return hidden


def without(table: Any, hidden: Cells) -> Any:
    """Return a table in which cells are missing."""
    return table.mask(pd.DataFrame(hidden, table.index, table.columns))
