"""Tables that are wrong as only a CSV or a Parquet file can be."""

import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from tests.torture.sample_files import Sample, pack, parquet, samples

Maker = Callable[[random.Random], Sample]

_FIELDS = (
    "1", "-2.5", "", " ", "NaN", "inf", "-Infinity", "1e999", "1e39", "1_0", "0x1F", "٣", "1,5",
    "None", "cat", '"', '""', '"a', "'", "\x1b[31m", "\u2028", "\U0001f600", "9" * 5000,
    "x" * 1001, "\x85", "1e400", "=1+1", "true", "+nan", "  7  ", "\ufeff", "1\u00a0000",
)  # fmt: skip
_NAMES = (
    "a", "b", "a", "", " ", "target", "y", "1", '"q"', "a;b", "x" * 3000, "\x1b]0;x\x07", "é",
    '"two\nlines"', "\u202e", "none",
)  # fmt: skip


def csv(rng: random.Random) -> Sample:
    """Return a small CSV made of fields and names that hurt."""
    delimiter = rng.choice(",,,;\t|")
    n_columns = rng.choice((1, 2, 2, 3, 5))
    names = [f"c{column}" for column in range(n_columns)]
    if rng.random() < 0.5:
        names = rng.sample(_NAMES, n_columns)
    hostile = rng.choice((0.0, 0.05, 0.3))
    lines = [delimiter.join(names)]
    for _ in range(rng.choice((0, 1, 3, 3, 20))):
        ragged = rng.choice((0,) * 30 + (1, -1))
        fields = [
            rng.choice(_FIELDS) if rng.random() < hostile else str(rng.randint(-9, 99))
            for _column in range(n_columns + ragged)
        ]
        lines.append(delimiter.join(fields))
    text = rng.choice(("\n", "\n", "\r\n", "\r", "\n\n")).join(lines) + rng.choice(("", "\n"))
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"))
    target = rng.choice((None, None, *names * 3, "no such", "", "\udcff", "a\0b"))
    content = text.encode(encoding, "replace")
    return Sample({"rows.csv": content}, "rows.csv", target)


def csv_gz(rng: random.Random) -> Sample:
    """Return a gzip stream that lies: in its header, its trailer, or about its end."""
    good = pack(csv(rng).files["rows.csv"])
    lie = rng.choice(
        (
            good,
            good[:-4] + struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 1))),  # its length
            good[:-8] + rng.randbytes(4) + good[-4:],  # its checksum
            good + good,
            good + b"\0" * 20,
            good + rng.randbytes(5),
            good[: rng.randint(2, 18)],
            good[:3] + bytes([rng.randrange(256)]) + good[4:],  # its flags
            good[:2] + bytes([rng.randrange(256)]) + good[3:],  # its method
            good[:3] + b"\x08" + good[4:10] + b"name without an end" * 20,
            good[:3] + b"\x04" + good[4:10] + b"\xff\xff" + good[10:],  # an extra field of 64 KiB
            pack(good),
            pack(b""),
        )
    )
    return Sample({"rows.csv.gz": lie}, "rows.csv.gz", rng.choice((None, "y")))


def _odd_footer(rng: random.Random) -> Sample:
    """Change what is said of the footer, or numbers within it."""
    sample = rng.choice(samples("parquet"))
    content = sample.files["rows.parquet"]
    (length,) = struct.unpack("<I", content[-8:-4])
    footer = bytearray(content[-8 - length : -8])
    body, tail = content[: -8 - length], content[-8:]
    match rng.randrange(5):
        case 0:
            claim = rng.choice((0, 1, length - 1, length + 1, 2**31 - 1, 2**32 - 1))
            tail = struct.pack("<I", claim) + b"PAR1"
        case 1:
            tail = tail[:4] + rng.choice((b"PARE", b"PAR2", b"\0\0\0\0"))
        case 2:
            for _ in range(rng.randint(1, 4)):
                footer[rng.randrange(length)] = rng.choice(
                    (0, 0x7F, 0x80, 0xFF, rng.randrange(256))
                )
        case 3:  # a number of many bytes where there was a short one
            place = rng.randrange(length)
            footer[place : place + 1] = b"\xff" * rng.choice((4, 9)) + b"\x01"
            tail = struct.pack("<I", len(footer)) + b"PAR1"
        case _:
            place = rng.randrange(length)
            del footer[place : place + rng.randint(1, 8)]
            tail = struct.pack("<I", len(footer)) + b"PAR1"
    return sample.with_file("rows.parquet", body + bytes(footer) + tail)


def _odd_page(rng: random.Random) -> Sample:
    """Change the first page's header or its content, and leave the footer as it is."""
    sample = rng.choice(samples("parquet"))
    mutable = bytearray(sample.files["rows.parquet"])
    start = 4 if rng.random() < 0.5 else rng.randrange(4, len(mutable) // 2)
    for _ in range(rng.randint(1, 6)):
        mutable[start + rng.randrange(40)] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return sample.with_file("rows.parquet", bytes(mutable))


def _odd_schema(rng: random.Random) -> Sample:
    """Return a sound file of columns that cannot be used, or only just."""
    n = rng.choice((0, 1, 5))
    good = pa.array([float(i) for i in range(n)])
    columns = {
        "list": pa.array([[1.0]] * n),
        "struct": pa.array([{"a": 1}] * n, pa.struct({"a": pa.int64()})),
        "null": pa.nulls(n),
        "text": pa.array(["x"] * n),
        "binary": pa.array([b"\xff"] * n, pa.binary()),
        "date": pa.array([0] * n, pa.date32()),
        "long text": pa.array(["x" * 1001] * n),
        "nan": pa.array([float("nan")] * n),
        "huge": pa.array([2**64 - 1] * n, pa.uint64()),
        "decimal": pa.array([10**37] * n, pa.decimal128(38, 0)),
        "a.b": good,
        "\x1b[31m": good,
        "": good,
    }
    chosen = rng.sample(sorted(columns), rng.randint(1, 3))
    table = pa.table({"good": good, **{name: columns[name] for name in chosen}})
    if rng.random() < 0.2:
        table = table.rename_columns(["good"] * table.num_columns)
    target = rng.choice((None, *chosen, "no such"))
    return Sample({"rows.parquet": parquet(table)}, "rows.parquet", target)


def _damaged_text(rng: random.Random) -> Sample:
    """Put bytes that are no UTF-8 where labels or names are."""
    wanted = pa.array(["cat", "dog", "cat"])
    columns = {"width": pa.array([1.0, 2.0, 3.0]), "animal": wanted}
    content = parquet(columns, compression="none", use_dictionary=rng.random() < 0.5)
    old = rng.choice((b"cat", b"animal", b"width"))
    new = rng.choice((b"\xff", b"\xed\xa0\x80", b"\0\0\0", b"\x1b[2")) + old
    content = content.replace(old, new[: len(old)], rng.choice((1, -1)))
    return Sample({"rows.parquet": content}, "rows.parquet", rng.choice((None, "animal")))


def parquet_file(rng: random.Random) -> Sample:
    """Return a Parquet file that is wrong in its footer, pages, schema or texts."""
    return rng.choice((_odd_footer, _odd_footer, _odd_page, _odd_schema, _damaged_text))(rng)


def heavy_csv() -> dict[str, Callable[[], bytes]]:
    """Return makers of CSV of 16 MiB: dense, wrong at its end, or one part beyond measure."""
    n = 16 << 20
    wide = b",".join(b"c%d" % column for column in range(784)) + b"\n"
    zeros = b"0," * 783
    return {
        "a text in the last row": lambda: b"a,b,y\n" + b"1,2,3\n" * (n // 6 - 9) + b"1,x,3\n",
        "a text in a column of numbers": lambda: b"a\n" + b"1\n" * (n // 2 - 9) + b"x\n",
        "a text after many columns": lambda: wide + (zeros + b"1\n") * (n // 1570) + zeros + b"x\n",
        "a fraction in the last label": lambda: b"a,y\n" + b"1,1\n" * (n // 4 - 9) + b"1,.5\n",
        "a short last line": lambda: b"a,y\n" + b"1,1\n" * (n // 4 - 9) + b"1\n",
        "missing values in every row": lambda: b"a,b,y\n" + b"1,,3\n" * (n // 5 - 9),
        "missing labels in every row": lambda: b"a,y\n" + b"1,\n" * (n // 3 - 9),
        "empty lines": lambda: b"a,y\n" + b"\n" * (n - 9),
        "names": lambda: b",".join(b"%x" % column for column in range(n // 7)) + b"\n",
        "the same name": lambda: b"a," * (n // 2 - 9),
        "a quote that is never closed": lambda: b'a,y\n"' + b"1,1\n" * (n // 4 - 9),
        "quotes": lambda: b'"' * n,
        "one long label": lambda: b"a,y\n" + b"1,1\n" * (n // 5) + b"1," + b"x" * 1000,
        "zero bytes": lambda: b"a,y\n1,1\n" + b"\0" * (n - 99),
        "a character of four bytes": lambda: "a,y\n1,\U0001f600".encode() + b"\n1,1" * (n // 5),
        "distinct labels": lambda: b"a,y\n" + b"\n".join(b"1,%x" % i for i in range(n // 9)),
    }


def heavy_csv_gz() -> dict[str, Callable[[], bytes]]:
    """Return makers of gzip streams of up to 16 MiB that unpack to far more, or never begin."""
    start = pack(b"a,y\n")
    return {
        "zeros": lambda: pack(bytes(1 << 30)),
        "digits": lambda: pack(b"0" * (1 << 28)) * 4,
        "names": lambda: pack(b"a," * (1 << 27)),
        "one record": lambda: start + pack(b'"') + pack(b'\n","' * (1 << 24)) * 8,
        "characters of four bytes": lambda: start + pack("\U0001f600".encode() * (1 << 24)) * 4,
        "a header": lambda: start[:3] + b"\x08" + start[4:10] + b"n" * (16 << 20),
        "members": lambda: pack(b"") * ((16 << 20) // 20),
    }


def heavy_parquet() -> dict[str, Callable[[], bytes]]:
    """Return makers of Parquet files of up to 16 MiB that unpack to far more."""
    labels = {"a": pa.array(np.zeros(3000, np.int8)), "y": pa.array(["x" * (1 << 20)] * 3000)}
    few = {"a": pa.array(np.zeros(1500, np.int8)), "y": pa.array(["x" * (1 << 20)] * 1500)}
    zstd: dict[str, Any] = {"use_dictionary": False, "compression": "zstd"}
    return {
        "rows": lambda: parquet({"a": pa.array(np.zeros(400_000_000, np.int8))}),
        "missing rows": lambda: parquet({"a": pa.nulls(100_000_000, pa.int8())}),
        "labels of one long text": lambda: parquet(labels, dictionary_pagesize_limit=1 << 22),
        "labels of long texts": lambda: parquet(few, **zstd),
        "columns": lambda: parquet({str(i): pa.array([1.0]) for i in range(20_000)}),
    }
