"""How a table is read: what the user may say about a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.wording import listed, nearest, quoted

# The words that pandas takes for missing values: STR_NA_VALUES in pandas/_libs/parsers.pyx of
# pandas 3.1, documented under `na_values` of pandas.read_csv.
NA_WORDS = frozenset(
    {
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    }
)
DECIMALS = (".", ",")
THOUSANDS = (",", ".", "'", " ", "")
SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_NAMES = {"tab": "\t", "\\t": "\t"}


@dataclass(frozen=True)
class ReadOptions:
    """How a table is read.

    Parameters
    ----------
    separator : str or None
        One character between fields, or "tab"; None finds it.
    decimal : str or None
        "." or ","; None finds it.
    thousands : str or None
        One of ``,``, ``.``, ``'``, a space, or "" for none; None finds it.
    na_values : frozenset of str
        Words that mean a missing value, beside those of pandas. A number matches equal numbers.
    parse_dates, categorical : frozenset of str
        Columns that hold dates, and columns that are categories.
    drop, keep : frozenset of str
        Columns to leave out, and the only columns to read; `keep` empty reads all.
    id : tuple of str
        Columns that name rows: they are read, but are not features.
    usual_decimal, usual_separator : str or None
        Those of earlier files: the first where the numbers of this one do not show theirs, the
        second where it is in the header.

    Raises
    ------
    InvalidParameterError
        If a character is not one of those.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    na_values: frozenset[str] = frozenset()
    parse_dates: frozenset[str] = frozenset()
    categorical: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    id: tuple[str, ...] = ()
    usual_decimal: str | None = None
    usual_separator: str | None = None

    def __post_init__(self) -> None:
        separator = self.separator
        if separator is not None:
            separator = _SEPARATOR_NAMES.get(separator, separator)
            if len(separator) != 1 or separator in '"\r\n\0' or separator.isalnum():
                raise invalid_parameter(
                    "separator", "ReadOptions", "one character, or tab", self.separator
                )
            object.__setattr__(self, "separator", separator)
        if self.decimal not in (None, *DECIMALS):
            raise invalid_parameter("decimal", "ReadOptions", "'.' or ','", self.decimal)
        if self.thousands not in (None, *THOUSANDS):
            allowed = "one of , . ' or a space, or empty for none"
            raise invalid_parameter("thousands", "ReadOptions", allowed, self.thousands)
        if self.thousands and self.thousands == self.decimal:
            raise invalid_parameter(
                "thousands", "ReadOptions", "another character than decimal", self.thousands
            )

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that the options name, each once."""
        names = (*self.id, *sorted(self.parse_dates | self.categorical | self.drop | self.keep))
        return tuple(dict.fromkeys(names))

    def only(self, columns: Iterable[str]) -> "ReadOptions":
        """Return the options for a file of more rows, of which only some columns are read."""
        wanted = frozenset(columns)
        return replace(
            self,
            parse_dates=self.parse_dates & wanted,
            categorical=self.categorical & wanted,
            drop=frozenset(),
            keep=wanted,
            id=(),
        )

    def kept(self, header: Sequence[str], always: Iterable[str] = ()) -> list[str]:
        """Return the columns to read, in the order of a header; `always` are kept."""
        wanted = set(self.keep or header) | set(self.id) | set(always)
        return [name for name in header if name in wanted and name not in self.drop]


def check_names(wanted: Iterable[str], header: Sequence[str], source: str) -> None:
    """Raise an error if columns that the user names are not there, or a name occurs twice.

    Raises
    ------
    DataError
        If so: all columns that lack are named.
    """
    known = set(header)
    if len(known) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(
            f"{source} has two columns named {quoted(twice)}. Rename one, or add a header line if "
            "the file does not have one."
        )
    lacking = [name for name in dict.fromkeys(wanted) if name not in known]
    if not lacking:
        return
    near = nearest(lacking[0], header)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise DataError(
        f"{source} has no column{'s' * (len(lacking) > 1)} "
        f"{', '.join(map(quoted, lacking[:12]))}. {hint}Its columns are: {listed(header)}."
    )
