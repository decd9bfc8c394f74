"""Rows on their way in: the data a command is to use with a run."""

from sdae.data import Table, load_dataset
from sdae.errors import DataError
from sdae.runs.folder import RunFolder
from sdae.runs.prepare import choose_rows


def load_rows(folder: RunFolder, data: str, target: str | None = None, part: str = "auto") -> Table:
    """Load the rows of a command; the run's own target is used where the data have it.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    if target is None:
        target = folder.recipe().data.target
        if target is not None:
            try:
                return choose_rows(load_dataset(data, target), part)
            except DataError:
                # Rows to predict need not have labels; any other fault shows again below.
                return choose_rows(load_dataset(data), part)
    return choose_rows(load_dataset(data, target), part)
