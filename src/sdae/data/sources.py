"""Choose the reader of a source by its name or by its type."""

from collections.abc import Collection
from pathlib import Path

from sdae.core.errors import DataError, FileAccessError
from sdae.core.files import read_bytes, translate_os_errors
from sdae.core.wording import listed, nearest, quoted
from sdae.data.array_files import load_npy, load_npz
from sdae.data.csv_table import csv_of, load_csv
from sdae.data.idx import is_named_idx, load_idx_folder
from sdae.data.label_columns import Target, names_of_targets
from sdae.data.mnist import load_mnist_dataset
from sdae.data.parquet_table import load_parquet
from sdae.data.stored.paths import check_flat, no_rows_in
from sdae.data.table import Dataset, NotNumbers
from sdae.data.tables.arrow_file import ARROW, PARQUET
from sdae.data.tables.formats import STANDARD_INPUT, is_table, name_of, not_kept
from sdae.data.tables.unpacking import unpacked
from sdae.data.task import Task
from sdae.data.tutorial_pickle import load_tutorial_pickle

_TABLES = {
    ".csv": load_csv,
    ".csv.gz": load_csv,
    ".parquet": load_parquet,
    ".npy": load_npy,
}
_PICKLES = (".pkl.gz", ".pkl", ".pickle")


def load_dataset(
    source: str | Path,
    target: Target = None,
    features: Collection[str] | None = None,
    task: Task | None = None,
    content: bytes | None = None,
    *,
    labels: bool = True,
) -> Dataset:
    """Load data by name or path.

    Parameters
    ----------
    source : str or Path
        ``mnist`` (always the embedded set), a folder of IDX files, or a ``.csv``, ``.csv.gz``,
        ``.parquet``, ``.npy``, ``.npz`` or (the tutorials' pickle) ``.pkl.gz`` file.
    target : str, sequence of str, or None
        The column, or the array of an ``.npz``, that holds the labels. Several columns of zeros
        and ones (or truth values) are the labels that a row may have, each its own column.
    features : collection of str or None
        Names of the columns to read, where columns have names. None reads all but the target.
    task : Task or None
        What the target is for; None: what it looks like.
    content : bytes or None
        The bytes of standard input, a CSV, if the source is "-".
    labels : bool, default True
        Whether the labels of an ``.npz`` are read where no target is named. Rows without a label
        then come apart; without labels all rows stay together, in their order.

    Raises
    ------
    FileAccessError
        If the path does not exist.
    FileFormatError
        If the file is damaged.
    DataError
        If the rows or labels cannot be used.
    """
    targets = names_of_targets(target)
    if str(source) == "mnist":
        _refuse_target(targets, "The embedded MNIST")
        return _of_classes(load_mnist_dataset(), task)
    if str(source) == STANDARD_INPUT:
        return _of_standard_input(content, targets, features, task)
    if "\0" in str(source):
        raise FileAccessError(
            f"Cannot read {str(source)!r}: a path must not have zero bytes. Check the path."
        )
    path = Path(source)
    with translate_os_errors(path, "read"):
        if path.is_dir():
            if not any(map(is_named_idx, path.iterdir())):
                check_flat(path)
                raise no_rows_in(path, ", and no IDX file train-images-idx3-ubyte")
            _refuse_target(targets, str(path))
            return _of_classes(load_idx_folder(path), task)
        if not path.exists():
            raise FileAccessError(f"Cannot read {path}: it does not exist.{_near(path)}")
        name = path.name.lower()
        for suffix, load in _TABLES.items():
            if name.endswith(suffix):
                return load(path, targets, features, task)
        if name.endswith(".npz"):
            return load_npz(path, targets, task, labels=labels or bool(targets))
        if name.endswith(_PICKLES):
            _refuse_target(targets, str(path))
            return _of_classes(load_tutorial_pickle(path), task)
        if not path.is_file() and not path.is_dir():
            read_bytes(path)  # its error says what to do with a pipe
    if is_table(path):
        raise NotNumbers(f"{path} is not read as numbers alone. Save it as a CSV or as Parquet.")
    raise DataError(
        f"{path} is not a kind of file that sdae can read. It reads {', '.join(_TABLES)}, .npz, "
        f"{', '.join(_PICKLES)}, a folder of IDX files, and 'mnist'."
    )


def _of_classes(dataset: Dataset, task: Task | None) -> Dataset:
    if task not in (None, Task.CLASSIFICATION) and dataset.train.y is not None:
        raise DataError(
            f"The labels of {dataset.train.source} are classes, so they are not for {task}. Leave "
            "the task out."
        )
    return dataset


def _of_standard_input(
    content: bytes | None,
    targets: tuple[str, ...],
    features: Collection[str] | None,
    task: Task | None,
) -> Dataset:
    name = name_of(STANDARD_INPUT)
    if content is None:
        raise not_kept()
    if content.startswith((PARQUET, ARROW)) and features is None:
        raise NotNumbers(f"{name} is not a CSV. Save it as one.")
    return csv_of(unpacked(content, name, share=4), name, targets, features, task)


def _refuse_target(targets: tuple[str, ...], source: str) -> None:
    if targets:
        raise DataError(
            f"{source} has its own labels and no columns to choose a target from. Leave the target "
            f"{quoted(targets[0])} out."
        )


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" The folder {path.parent} does not exist either."
    if path.name.lower() == "mnist":
        return " Did you mean mnist, the embedded set?"
    near = nearest(path.name, (entry.name for entry in path.parent.iterdir()), most=3)
    return f" Similar names: {listed(near)}." if near else " Check the path."
