"""Hostile tables: CSV of odd sizes, Parquet whose footer lies; and pickles packed badly."""

import gzip
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.data.pickle_samples import PROTOCOL_2
from tests.torture.hostile_case import Case, content, data
from tests.torture.hostile_data import gzip_bomb
from tests.torture.hostile_payloads import PAYLOADS
from tests.torture.sample_files import parquet

_GIB = 1 << 30
_N_ROWS = 123_457


def _case(name: str, file: str, made: Callable[[], bytes], target: str | None = None) -> Case:
    return Case(f"{file} with {name}", content(file, made), (data(file, target),))


def _csv() -> Iterator[tuple[str, Callable[[], bytes]]]:
    for name, text in (
        ("code in a column", "a,b\n1,__import__('os')\n"),
        ("a formula", "a,b\n1,=cmd|' /C calc'!A0\n"),
        ("a number that is none", "a,b\n1,0x10\n"),
        ("NaN", "a,b\n1,nan\n"),
        ("infinity", "a,b\n1,1e999\n"),
        ("a line that is too long", "a,b\n1,2,3\n"),
        ("a line that is too short", "a,b\n1\n"),
        ("an open quote", 'a,b\n"1,2\n'),
        ("a header alone", "a,b\n"),
        ("nothing", ""),
        ("a name twice", "a,a\n1,2\n"),
        ("a zero", "a,b\n1,\0\n"),
        ("a web page", "<html><script>alert(1)</script></html>"),
        ("a clear screen", "a,b\n1,\x1b[2J\n"),
        ("a name that clears the screen", "a,\x1b[2J\n1,x\n"),
        ("100,000 quotes", "a,b\n1," + '"' * 100_001 + "\n"),
        ("100,000 quotes in the header", '"' * 100_001 + "\n1\n"),
        ("a number of a million digits", "a,b\n1," + "9" * 1_000_000 + "\n"),
    ):
        yield name, lambda text=text: text.encode()  # type: ignore[misc]
    columns = ",".join(f"c{i}" for i in range(1_000_000))
    for name, make in (
        ("a field of 16 MB", lambda: b"a,b\n1,2\n" + b"x" * (16 << 20) + b",2\n"),
        ("a line of 17 MB", lambda: b"a,b\n" + b"1" * (17 << 20) + b",2\n"),
        ("a quoted field of 16 MB", lambda: b'a,b\n"' + b"1\n" * (8 << 20) + b'",2\n'),
        ("10**6 columns, one row shorter", lambda: columns.encode() + b"\n1,2\n"),
        ("10**6 columns of one name", lambda: b"a" + b",a" * 10**6 + b"\n1,2\n"),
        ("2 * 10**6 columns", lambda: b"," * (2 * 10**6) + b"\n1\n"),
        ("no UTF-8", lambda: b"a,b\n\xff\xfe,1\n"),
        ("UTF-16", lambda: "a,b\n1,2\n".encode("utf-16")),
        ("10**6 rows, the last one bad", lambda: b"a,b\n" + b"1,2\n" * 10**6 + b"x,y\n"),
        ("10**7 empty lines", lambda: b"a,b\n" + b"\n" * 10**7),
    ):
        yield name, make


def _varint(number: int) -> bytes:
    """Return a number as a footer has it."""
    number *= 2
    made = b""
    while number > 0x7F:
        made += bytes([number & 0x7F | 0x80])
        number >>= 7
    return made + bytes([number])


def _with_footer(table: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a Parquet file with another footer, of the right length."""
    (length,) = struct.unpack("<I", table[-8:-4])
    footer = change(table[-8 - length : -8])
    return table[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _claiming(n_rows: int, n_times: int) -> bytes:
    """Return a table that claims to have other numbers of rows than it has."""
    table = parquet({"a": pa.array(np.zeros(_N_ROWS)), "b": pa.array(np.ones(_N_ROWS))})
    return _with_footer(table, lambda f: f.replace(_varint(_N_ROWS), _varint(n_rows), n_times))


def _by_extension(name: str, mark: Path) -> bytes:
    """Return a table whose column says that it is of a type which is to be unpickled.

    It is refused for a NaN beside it, and the type is never looked at.
    """
    field = pa.field(
        "a",
        pa.float64(),
        metadata={
            "ARROW:extension:name": name,
            "ARROW:extension:metadata": PAYLOADS["os.system"](mark).decode("latin1"),
        },
    )
    table = pa.table([pa.array([1.0, float("nan")])], schema=pa.schema([field]))
    return parquet(table)


def _parquet(mark: Path) -> Iterator[tuple[str, bytes]]:
    good = parquet({"a": pa.array([1.0, 2.0]), "b": pa.array([3.0, 4.0])}, compression="none")
    texts: Mapping[str, object] = {"a": pa.array(["__import__('os')", "os.system"])}
    for length in (0, 1, len(good), 2**31, 2**32 - 1):
        made = good[:-8] + struct.pack("<I", length) + b"PAR1"
        yield f"a footer of {length} bytes", made
    yield "a footer of zeros", _with_footer(good, lambda f: bytes(len(f)))
    yield "a footer of ones", _with_footer(good, lambda f: b"\xff" * len(f))
    yield "half a footer", _with_footer(good, lambda f: f[: len(f) // 2])
    yield "a deep footer", _with_footer(good, lambda _: b"\x1c" * 1_000_000)
    yield (
        "a footer of a long list",
        _with_footer(good, lambda _: b"\x15\x02\x19\xfc\xff\xff\xff\xff\x0f"),
    )
    yield "an encrypted footer", good[:-4] + b"PARE"
    yield "the magic alone", b"PAR1PAR1"
    yield "no end", good[:-4]
    yield "texts", parquet(texts)
    yield "lists", parquet({"a": pa.array([[1.0], [2.0]])})
    yield "bytes", parquet({"a": pa.array([b"a", b"b"])})
    yield "no rows", parquet({"a": pa.array([], pa.float64())})
    yield "no columns", parquet(pa.table({}))
    yield "NaN", parquet({"a": pa.array([1.0, float("nan")])})
    for n_rows in (10**9, 10**12, 2 * _N_ROWS, 1):
        for n_times in (1, 3):
            yield f"{n_rows} rows, {n_times} times", _claiming(n_rows, n_times)
    for name in ("arrow.py_extension_type", "pandas.object"):
        yield f"the type {name}", _by_extension(name, mark)


def _pickles() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "5 GiB of operations", lambda: gzip_bomb(b"", 5 * _GIB, b"N")
    yield "half an archive", lambda: gzip.compress(PROTOCOL_2)[:-20]
    yield "a wrong checksum", lambda: gzip.compress(PROTOCOL_2)[:-8] + bytes(8)
    yield "a wrong size", lambda: gzip.compress(PROTOCOL_2)[:-4] + b"\xff\xff\xff\xff"
    yield "an archive in an archive", lambda: gzip.compress(gzip.compress(PROTOCOL_2))


def cases(mark: Path) -> Iterator[Case]:
    """Yield all of them; what is run writes `mark`."""
    for name, make in _csv():
        yield _case(name, "rows.csv", make)
    yield _case("a target that is none", "rows.csv", lambda: b"a,b\n1,2\n", "os.system")
    yield _case("5 GiB of one line", "rows.csv.gz", lambda: gzip_bomb(b"a\n", 5 * _GIB, b"1"))
    for name, made in _parquet(mark):
        yield _case(name, "rows.parquet", lambda made=made: made)  # type: ignore[misc]
    for name, make in _pickles():
        yield _case(name, "mnist.pkl.gz", make)
