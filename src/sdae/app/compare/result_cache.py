"""The results of a study, one per model, label count and seed, kept in a file of JSON lines."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sdae.core.constraints import integer, number, optional, text
from sdae.core.files import read_bytes, write_atomically

CELLS = "cells.jsonl"

_MAX_BYTES = 1 << 28
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """The result of one model at one number of labels, for one seed.

    Attributes
    ----------
    model : str
    labels, seed : int
    error : float
        Share of the test rows classified wrongly; of a regression the mean squared error as a share
        of the variance, above 1 where it is worse than the mean.
    setting : str
        The chosen setting, for messages.
    n_pool, n_test : int
        Numbers of labelled rows that are not test rows, and of test rows.
    pretraining_seconds, tuning_seconds, fit_seconds : float
        Seconds of pre-training, which the cells of a seed share; of choosing the setting; of
        fitting with it.
    pretraining_cpu, tuning_cpu, fit_cpu : float
        The same in CPU seconds.
    memory : int or None
        Peak memory in bytes above the start, in pre-training or in the fit.
    of_values : bool
        Whether `error` is that of a regression.
    """

    model: str
    labels: int
    seed: int
    error: float
    setting: str
    n_pool: int
    n_test: int
    pretraining_seconds: float
    tuning_seconds: float
    fit_seconds: float
    pretraining_cpu: float
    tuning_cpu: float
    fit_cpu: float
    memory: int | None
    of_values: bool = False

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Cell":
        """Return the cell of JSON values.

        Raises
        ------
        LookupError, TypeError, ValueError
            If the values are not a valid cell.
        """
        seconds = {
            f"{stage}_{unit}": number(0).read(values[f"{stage}_{unit}"])
            for stage in ("pretraining", "tuning", "fit")
            for unit in ("seconds", "cpu")
        }
        return cls(
            model=text().read(values["model"]),
            setting=text().read(values["setting"]),
            error=number(0).read(values["error"]),
            memory=optional(integer(0)).read(values["memory"]),
            labels=integer(1).read(values["labels"]),
            seed=integer(0).read(values["seed"]),
            n_pool=integer(1).read(values["n_pool"]),
            n_test=integer(1).read(values["n_test"]),
            of_values=values.get("of_values") is True,  # an older version did not write it
            **seconds,
        )


class CellCache:
    """Cells by their keys, in a file that is rewritten atomically whenever one is added.

    A line that cannot be read gives a warning and is skipped: its cell is computed again.

    Parameters
    ----------
    path : Path
        The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cells: dict[str, Cell] = {}
        if not path.exists():
            return
        for place, line in enumerate(read_bytes(path, _MAX_BYTES).splitlines(), start=1):
            try:
                values = json.loads(line)
                self._cells[text().read(values["key"])] = Cell.from_values(values)
            except (ValueError, LookupError, TypeError, RecursionError):
                _LOG.warning("%s, line %d, is not a result of a study; it is skipped.", path, place)

    def get(self, key: str) -> Cell | None:
        """Return the cell of a key, or None."""
        return self._cells.get(key)

    def put(self, key: str, cell: Cell) -> None:
        """Store a cell.

        Raises
        ------
        FileAccessError
            If the file cannot be written; it is then unchanged.
        """
        cells = {**self._cells, key: cell}
        lines = (json.dumps({"key": key, **asdict(cell)}) + "\n" for key, cell in cells.items())
        write_atomically(self._path, "".join(lines).encode())
        self._cells = cells
