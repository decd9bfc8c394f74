"""Loading the data that a command uses with a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sdae.app.runs.model_rows import choose_rows, load_for, task_of
from sdae.core.errors import DataError
from sdae.core.files import read_bytes
from sdae.core.model_file import Model
from sdae.core.wording import quoted
from sdae.data import Table
from sdae.data.stored.dataset import limits
from sdae.data.stored.typed_file import TextFile
from sdae.data.stored.typed_opening import is_large, open_texts
from sdae.data.tables import is_table
from sdae.data.tables.formats import name_of
from sdae.data.tables.options import check_names
from sdae.data.tables.whole_file import WholeFile


class Ids(NamedTuple):
    """Columns that name rows.

    Attributes
    ----------
    names : tuple of str
    rows : iterable of list of str
        Their texts, as they stand in the file; of a large one they are read once.
    """

    names: tuple[str, ...]
    rows: Iterable[list[str]]


NO_IDS = Ids((), [])


def load_ids(
    data: str, model: Model, given: Sequence[str] | None, content: bytes | None = None
) -> Ids:
    """Load the columns that name rows: those `given`, or those of training that are there.

    `content` holds the bytes of standard input, if the data are "-".

    Raises
    ------
    SdaeError
        If the data are not a table, or lack a column that is given.
    """
    names = tuple(dict.fromkeys(given or ()))
    known = () if model.schema is None else model.schema.ids
    if not names and not known:
        return NO_IDS
    is_on_disk = content is None and is_large(data, limits(None)[0])
    if not (is_table(data) or is_on_disk):
        if not names:
            return NO_IDS
        raise DataError(
            f"{data} is not a table, so it has no column {quoted(names[0])}. Leave --id out."
        )
    usual = None if model.schema is None else model.schema.written.separator
    file: WholeFile | TextFile
    if is_on_disk:
        file = open_texts(Path(data), usual)
    else:
        file = WholeFile(read_bytes(data) if content is None else content, name_of(data), usual)
    check_names(names, file.names, name_of(data))
    names = names or tuple(name for name in known if name in file.names)
    return Ids(names, file.texts(names) if names else [])


def load_rows(
    data: str,
    model: Model,
    part: str = "auto",
    content: bytes | None = None,
) -> Table:
    """Load the model's columns of some data, without labels.

    Other columns are ignored, whatever they hold. `content` holds the bytes of standard input, if
    the data are "-". Very many rows stay on the disk, to be read in their order.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    task = task_of(model)
    found = load_for(model, data, None, task, content, in_order=True, labels=False)
    return choose_rows(found, part)
