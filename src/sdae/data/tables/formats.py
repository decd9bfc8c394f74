"""The formats of tables by the names of files: those that are read, and how to convert others."""

from pathlib import Path

from sdae.core.errors import DataError, FileAccessError
from sdae.data.tables.arrow_file import FEATHER_1

STANDARD_INPUT = "-"
_TEXTS = (".csv", ".tsv", ".txt")
_PACKED = (".gz", ".bz2", ".xz", ".zip")
_TYPED = (".parquet", ".feather", ".arrow")
_OTHERS: dict[
    str, tuple[str, ...]
] = {  # suffix: what it is, and the function of pandas that reads it
    ".xlsx": ("an Excel file", "read_excel"),
    ".xls": ("an Excel file", "read_excel"),
    ".xlsm": ("an Excel file", "read_excel"),
    ".xlsb": ("an Excel file", "read_excel"),
    ".ods": ("a sheet of OpenDocument", "read_excel"),
    ".json": ("JSON", "read_json"),
    ".jsonl": ("JSON lines", "read_json", "lines=True"),
    ".sav": ("an SPSS file", "read_spss"),
    ".dta": ("a Stata file", "read_stata"),
    ".sas7bdat": ("a SAS file", "read_sas"),
    ".xpt": ("a SAS file", "read_sas"),
    ".pkl": ("a pickle, which may execute anything", "read_pickle"),
    ".pickle": ("a pickle, which may execute anything", "read_pickle"),
    ".h5": ("an HDF5 file", "read_hdf"),
    ".hdf5": ("an HDF5 file", "read_hdf"),
    ".orc": ("an ORC file", "read_orc"),
    ".html": ("a page", "read_html"),
    ".xml": ("XML", "read_xml"),
}


def name_of(source: str | Path) -> str:
    """Return what a source is called in messages."""
    return "standard input" if str(source) == STANDARD_INPUT else str(source)


def not_kept() -> FileAccessError:
    """Return the error for rows of standard input that are needed again."""
    return FileAccessError(
        "The rows came from standard input, which is not kept. Name a file with these rows."
    )


def check_content(content: bytes, name: str) -> None:
    """Raise an error if a file, called `name` in messages, is of an old format.

    Raises
    ------
    DataError
        If it is; the message converts it with pandas.
    """
    if content.startswith(FEATHER_1):
        raise DataError(_advice(name, "an old Feather file", "read_feather", ""))


def check_format(path: Path) -> None:
    """Raise an error if a path has the name of a format that is not read here.

    Raises
    ------
    FileAccessError
        If the path contains a zero byte.
    DataError
        If it is another format; the message converts it with pandas.
    """
    if "\0" in str(path):
        raise FileAccessError(
            f"Cannot read {str(path)!r}: a path must not have zero bytes. Check the path."
        )
    name = path.name.lower()
    while name.endswith(_PACKED):
        name = name[: name.rfind(".")]
    suffix = name[name.rfind(".") :] if "." in name else ""
    if suffix in _OTHERS:
        what, function, *more = _OTHERS[suffix]
        raise DataError(_advice(str(path), what, function, "".join(f", {each}" for each in more)))
    if suffix and suffix not in (*_TEXTS, *_TYPED) and path.is_file():
        raise DataError(
            f"{path} is not a table that sdae can read. It reads {', '.join(_TEXTS)} (also packed: "
            f"{', '.join(_PACKED)}), {', '.join(_TYPED)}. If it is one of these, rename it."
        )


def is_table(source: str | Path) -> bool:
    """Return whether a path has the name of a table that :func:`read_table` reads.

    Standard input is one.
    """
    if str(source) == STANDARD_INPUT:
        return True
    name = Path(source).name.lower()
    while name.endswith(_PACKED):
        name = name[: name.rfind(".")]
    return name.endswith((*_TEXTS, *_TYPED))


def _advice(path: str, what: str, function: str, more: str) -> str:
    target = str(Path(path).with_suffix(".parquet"))
    return (
        f"{path} is {what}, which sdae does not read. Convert it with: "
        f"pandas.{function}({path!r}{more}).to_parquet({target!r})"
    )
