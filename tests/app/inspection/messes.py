"""Messy CSVs, each with the sentence that `sdae inspect` has for it; docs/tables.md shows them."""

import io
import zipfile
from dataclasses import dataclass

N = 40
TARGET = [str(k % 2) for k in range(N)]


@dataclass(frozen=True)
class Mess:
    """One kind of messy CSV.

    Attributes
    ----------
    kind : str
        Its name in the documentation.
    content : bytes
        The file.
    said : str
        The sentence, or the option, that the command prints.
    """

    kind: str
    content: bytes
    said: str


def csv(
    name: str, values: list[str], separator: str = ",", *, rest: list[str] | None = None
) -> bytes:
    """Return a CSV of 40 rows with a column, a column of numbers, and a target."""
    size = rest or [f"{(k * 37) % 23}.5" for k in range(N)]
    rows = [[name, "size", "y"]]
    rows += [[values[k % len(values)], size[k % len(size)], TARGET[k // 3 % N]] for k in range(N)]
    return "".join(separator.join(row) + "\n" for row in rows).encode()


def _excel() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    return stream.getvalue()


WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "one", "lazy", "dog", "and", "sleeps")

MESSES = (
    Mess(
        "a first column without a name",
        csv("", [str(k) for k in range(N)]),
        "The first column, which has no name, looks like the index of a data frame: left out.",
    ),
    Mess(
        "an index that pandas saved",
        csv("Unnamed: 0", [str(k) for k in range(N)]),
        "Column 'Unnamed: 0' looks like the index of a data frame: left out.",
    ),
    Mess(
        "a number for each row, under a name",
        csv("row", [str(k) for k in range(1, N + 1)]),
        "Column 'row' counts the rows: on a sorted file it betrays the target. Settle it with: "
        "--drop row or --id row",
    ),
    Mess(
        "semicolons and decimal commas",
        csv("a", ["1,5", "2,25"], ";", rest=["1.234", "12.345"]),
        "separator semicolon, decimal comma",
    ),
    Mess(
        "1,234: thousands or a decimal comma",
        csv("a", ['"1,234"', '"12,345"'], rest=["7", "8", "9"]),
        "Column 'a' holds '1,234', which may have thousands or a decimal comma; it is read as "
        "texts. Settle it with: --decimal . or --decimal ,",
    ),
    Mess(
        "texts that mean missing, such as ?",
        csv("a", [*(f"{k}.25" for k in range(20)), "?"]),
        "Column 'a' would hold numbers, were it not for '?'. Settle it with: --na-values '?'",
    ),
    Mess(
        "−999 for missing numbers",
        csv("a", [*(f"{k}.25" for k in range(9)), "-999"]),
        "Column 'a' holds -999 in 4 rows, far from all others: it may stand for a missing value. "
        "Settle it with: --na-values=-999",
    ),
    Mess(
        "categories with a word for missing",
        csv("a", ["red", "blue", "unknown"]),
        "Column 'a' holds 'unknown' in 13 rows: it may stand for a missing value. Settle it with: "
        "--na-values unknown",
    ),
    Mess(
        "codes with leading zeros",
        csv("a", ["007", "010", "123"]),
        "Column 'a' holds codes of digits, such as '007': they are read as texts, since a number "
        "loses its leading zeros. Settle it with: --categorical a or --drop a",
    ),
    Mess(
        "numbers that are codes",
        csv("zip", [str(10_000 + 997 * k) for k in range(30)]),
        "Column 'zip' may hold codes of digits, such as 10000. Settle it with: --categorical "
        "zip or --drop zip",
    ),
    Mess(
        "few whole numbers",
        csv("a", ["1", "2", "3"]),
        "Column 'a' holds 3 different whole numbers: if they are codes, they are categories. "
        "Settle it with: --categorical a",
    ),
    Mess(
        "dates as texts",
        csv("a", [f"2024-01-{1 + k % 28:02d}" for k in range(N)]),
        "Column 'a' holds dates as texts, such as '2024-01-01'. Settle it with: --parse-dates a",
    ),
    Mess(
        "dates of another order",
        csv("a", [f"{1 + k % 28}/02/2024" for k in range(N)]),
        "Column 'a' holds dates as texts, such as '1/02/2024', which are not written as ISO 8601 "
        "writes them. Convert them with pandas: df['a'] = pandas.to_datetime(df['a'], "
        "dayfirst=True or False). Or settle it with: --drop a",
    ),
    Mess(
        "dates as numbers",
        csv("a", [f"202401{1 + k % 28:02d}" for k in range(N)]),
        "Column 'a' holds dates as numbers, such as 20240101. Settle it with: --parse-dates a",
    ),
    Mess(
        "numbers with a unit",
        csv("a", [f"${k}.50" for k in range(N)]),
        "Column 'a' holds numbers with a unit, such as '$0.50'. Take it off with pandas: df['a'] = "
        "df['a'].str.replace(r'[^0-9.-]', '', regex=True). Or settle it with: --drop a",
    ),
    Mess(
        "levels that differ by their case",
        csv("a", ["Male", "male", "female"]),
        "Column 'a' holds 'Male' and 'male', which are two levels. Spell them alike with pandas: "
        "df['a'] = df['a'].str.strip().str.lower()",
    ),
    Mess(
        "an identifier",
        csv("a", [f"A-{7919 * k % 1009}" for k in range(N)]),
        "Column 'a' has 40 different texts in 40 rows: it looks like an identifier. Settle it "
        "with: --drop a, --id a or --categorical a",
    ),
    Mess(
        "free text",
        csv("a", [" ".join([*WORDS[k % 5 :], f"n{k}"]) for k in range(N)]),
        "Column 'a' has 40 different texts in 40 rows: it looks like free text. Settle it with: "
        "--drop a, --id a or --categorical a",
    ),
    Mess(
        "one value in each row",
        csv("a", ["7"]),
        "Column 'a' has the same value in each row: it says nothing. Settle it with: --drop a",
    ),
    Mess(
        "a column without values",
        csv("a", [""]),
        "Column 'a' has no values: it is left out. Settle it with: --drop a",
    ),
    Mess(
        "almost nothing but gaps",
        csv("a", ["1.5", *[""] * 19]),
        "Column 'a' has values in 2 of 40 rows. Settle it with: --drop a",
    ),
    Mess(
        "separators at the ends of lines",
        csv("a", ["1.5", "2.5"]).replace(b"\n", b",\n"),
        "'Unnamed: 3' has no name and no values: left out.",
    ),
    Mess(
        "infinite numbers",
        csv("a", ["1.5", "inf"]),
        "Column 'a' holds infinite numbers, which cannot be scaled. Settle it with: "
        "--na-values inf",
    ),
    Mess(
        "a copy of the target",
        csv("a", ["no"] * 3 + ["yes"] * 3),
        "Column 'a' alone predicts the target (balanced accuracy 1.000): it may be known only "
        "after it. Settle it with: --drop a",
    ),
    Mess(
        "rows without a target",
        csv("a", ["1.5", "2.5"]).replace(b",0\n", b",\n", 3),
        "Target 'y' has no value in 3 of 40 rows.",
    ),
    Mess(
        "no line of names",
        b"5.1,3.5,1\n4.9,3.0,0\n",
        "The names of the columns are numbers, so the first line looks like a row: put a line with "
        "names above it.",
    ),
    Mess(
        "another separator",
        b"a b y\n1 2 0\n",
        "The file has a single column, 'a b y': its separator was not found. Settle it with: --sep",
    ),
    Mess(
        "two columns of one name",
        b"a,a,y\n1,2,0\n",
        "has two columns named 'a'. Rename one, or add a header line if the file does not have "
        "one.",
    ),
    Mess(
        "a line that is too long",
        b"a,y\n1,0\n1,5,0\n",
        "line 3, has 3 fields, but the header has 2. Quote fields that contain the separator.",
    ),
    Mess(
        "a quote that is not closed",
        b'a,y\n"1,0\n',
        "is not valid CSV: unexpected end of data. Check its quotes.",
    ),
    Mess(
        "another encoding",
        "a,y\nMünchen,0\n".encode("latin-1"),
        "is not UTF-8 text: byte 5 is not valid. Save it as CSV in UTF-8.",
    ),
    Mess(
        "UTF-16",
        "a,y\n1,0\n".encode("utf-16"),
        "is not text: byte 3 is zero. Save it as CSV in UTF-8.",
    ),
    Mess(
        "an Excel file with another name",
        _excel(),
        "is an Excel file, whatever its name. Convert it with: "
        'pandas.read_excel("FILE.xlsx").to_csv("FILE.csv", index=False)',
    ),
    Mess("names without rows", b"a,y\n", "is empty: it has 0 rows and 2 columns."),
)
