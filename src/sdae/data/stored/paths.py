"""Which files of rows are at a path: the file itself, or those of a folder."""

import shlex
from pathlib import Path

from sdae.core.errors import DataError
from sdae.core.files import translate_os_errors
from sdae.core.wording import listed
from sdae.data.stored.shard import check_exists

NPY, PARQUET, FEATHER = ".npy", ".parquet", (".feather", ".arrow")
CSV = (".csv", ".csv.gz")
COPY = "sdae-rows-"
"""The name of a folder with a copy of rows begins so."""
_KINDS = {NPY: NPY, PARQUET: PARQUET, **dict.fromkeys(FEATHER, ".feather")}
"""The suffixes of files of rows, and the kind of each."""
_SHOWN = ", ".join(_KINDS)


def kind_of(path: Path) -> str | None:
    """Return the kind of the files of rows at a path, or in its folder; None if there are none."""
    with translate_os_errors(path, "read"):
        if path.is_file():
            return _kind(path)
        if not path.is_dir():
            return None
        entries = [*path.iterdir()]
    if any("ubyte" in entry.name.lower() for entry in entries):  # images in the format of MNIST
        return None
    kinds = (_kind(entry) for entry in entries if not _is_hidden(entry))
    return next((kind for kind in kinds if kind is not None), None)


def files_at(path: Path) -> list[Path]:
    """Return the files at a path, sorted by name.

    Raises
    ------
    FileAccessError
        If there is nothing.
    DataError
        If there are no files of rows, or files of several kinds, or more of them in folders below.
    """
    check_exists(path)
    with translate_os_errors(path, "read"):
        if not path.is_dir():
            if _kind(path) is None:
                raise _not_rows(path)
            return [path]
        check_flat(path)
        found = sorted(each for each in path.iterdir() if _kind(each) and not _is_hidden(each))
    if not found:
        raise no_rows_in(path)
    kinds = sorted({_KINDS[each.suffix.lower()] for each in found})
    if len(kinds) > 1:
        raise DataError(
            f"{path} has files of several kinds, {listed(kinds)}: "
            f"{listed((each.name for each in found), most=6)}. Rows are read from the files of a "
            "folder that all have one of these kinds. Move the others elsewhere."
        )
    return found


def is_row_file_in(path: Path, folder: Path) -> bool:
    """Return whether a file, which may be new, is one of those that are read of a folder."""
    if "\0" in str(folder) or _is_hidden(path):
        return False
    with translate_os_errors(folder, "read"):
        if not (folder.is_dir() and path.parent.is_dir() and path.parent.samefile(folder)):
            return False
    return _kind(path) is not None and _kind(path) == kind_of(folder)


def check_flat(folder: Path) -> None:
    """Raise an error if a folder has folders with files of rows, whose rows would be missed.

    Raises
    ------
    DataError
        If it has.
    """
    for below in sorted(each for each in folder.iterdir() if each.is_dir()):
        if _is_hidden(below) or below.name.startswith(COPY):
            continue
        inside = (each for pattern in ("*", "*/*") for each in below.glob(pattern))
        if any(_kind(each) and not _is_hidden(each) for each in inside):
            raise DataError(
                f"{folder} has a folder {below.name!r} with files of rows, and folders in folders "
                "are not read. Give one of them, or put all files into one folder; what the "
                "folders' names say, as y=1 does, must then be a column of the files."
            )


def no_rows_in(folder: Path, also: str = "") -> DataError:
    """Return the error for a folder without files of rows; `also` is what it lacks beside."""
    names = sorted(each.name for each in folder.iterdir() if not _is_hidden(each))
    if any(name.lower().endswith(CSV) for name in names):
        return DataError(
            f"{folder} has CSV files, which are only read one by one. Convert each to Parquet in a "
            "folder of its own by sdae convert or sdae.data.convert, or put them into one file."
        )
    what = f"It has: {listed(names, most=6)}." if names else "It is empty."
    return DataError(
        f"{folder} has no {_SHOWN} files{also}. {what} Give a folder with files of one kind."
    )


def _kind(path: Path) -> str | None:
    return _KINDS.get(path.suffix.lower())


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "_"))


def _not_rows(path: Path) -> DataError:
    """Return the error for a file that is not of rows; it says how to make it one."""
    if path.name.lower().endswith(CSV):
        new = path.name[: path.name.lower().rindex(".csv")] + PARQUET
        return DataError(
            f"{path} is a CSV, whose rows cannot be read one by one. Convert it once: sdae convert "
            f"{shlex.quote(str(path))} {shlex.quote(str(path.with_name(new)))} (with --target NAME "
            "if a column holds labels), or sdae.data.convert in Python; then open the new file. A "
            "table of texts or gaps is opened with sdae.data.open_table."
        )
    return DataError(
        f"{path} cannot be read row by row: open_rows takes {_SHOWN} files, and folders of these. "
        "Save it as one, as pandas.DataFrame.to_parquet does."
    )
