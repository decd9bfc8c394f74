"""Arrays that are wrong as only an NPY, NPZ or IDX file can be."""

import random
import struct
import zipfile
from collections.abc import Callable

import numpy as np

from tests.torture.sample_files import Sample, idx, npy, pack, samples, zipped

_DESCRS = (
    "'<f4'", "'<f8'", "'|u1'", "'|O'", "'O'", "'<U9'", "'<U999999999'", "'|S4'", "'<c16'",
    "'<M8[s]'", "'|V3'", "[('a', '<f4'), ('b', '<f4')]", "('<f4', (9, 9))",
    "'(1000000,1000000)f4'", "'f4,f4'", "None", "7", "'x'", "''", "'<f3'", "{}", "[]", "(" * 200,
    "'|b1'", "'>i8'", "'<f2'", "'<g'", "'<f4' * 10**9", "lambda: 1", "'<U0'", "b'<f4'", "True",
)  # fmt: skip
_SHAPES = (
    "(3, 2)", "(10**9, 9)", "(1000000000, 1000000000)", "(-3, -2)", "(-1,)", "()", "(0, 3)",
    "(3,)", "(3, 2.0)", "(True, 6)", "'ab'", "[3, 2]", "None", "(2**63, 2)", "(1,) * 40",
    "(1, 1, 1, 6)", "(" * 400, "(9223372036854775807, 2)", "(" + "1, " * 33 + ")",
    "(" + "1, " * 60 + ")", "(3, 2, 1)", "((3, 2),)", "(99999999999999999999999, 1)", "(1e9, 1)",
    "(6, 1)",
)  # fmt: skip


def _header(rng: random.Random) -> bytes:
    descr = rng.choice(_DESCRS) if rng.random() < 0.5 else "'<f4'"
    shape = rng.choice(_SHAPES) if rng.random() < 0.7 else "(3, 2)"
    order = rng.choice(("False", "False", "False", "True", "0", "None", "'C'"))
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text = rng.choice(
        (text, text, text, text, text.replace("}", "'more': 1}"), text[:-9], "{" + text)
    )
    return text.encode() + b" " * rng.choice((0, 10, 20_000, 60_000)) + rng.choice((b"\n", b""))


def npy_content(rng: random.Random) -> bytes:
    """Return an NPY file whose header says something that its bytes are not."""
    header = _header(rng)
    version = rng.choice((1, 1, 1, 2, 2, 3, 0, 9))
    claim = rng.choice((len(header), len(header), len(header), 0, 5, 65_535))
    length = struct.pack("<H", claim % 65_536)
    if version >= 2:
        length = struct.pack("<I", rng.choice((claim, claim, 2**31 - 1, 2**32 - 1)))
    magic = rng.choice((b"\x93NUMPY",) * 9 + (b"\x93NUMPX", b""))
    body = np.arange(6, dtype="<f4").tobytes()
    return magic + bytes([version, 0]) + length + header + rng.choice((body, body, b"", body * 2))


def npy_file(rng: random.Random) -> Sample:
    """Return it as a file."""
    target = rng.choice((None, None, "0", "-1", "7", "x", "1" * 5000))
    return Sample({"rows.npy": npy_content(rng)}, "rows.npy", target)


def _odd_directory(rng: random.Random) -> Sample:
    """Change a number in a header of a member, of the directory, or of the archive's end."""
    sample = rng.choice(samples("npz"))
    content = bytearray(sample.files["rows.npz"])
    magic, fields = rng.choice(
        (
            (b"PK\1\2", ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (42, 4))),
            (b"PK\3\4", ((6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))),
            (b"PK\5\6", ((4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))),
        )
    )
    offset, width = rng.choice(fields)
    place = content.index(magic) + offset
    value = rng.choice((0, 1, 8, 12, 14, 93, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1))
    content[place : place + width] = (value % (1 << 8 * width)).to_bytes(width, "little")
    return sample.with_file("rows.npz", bytes(content))


def _odd_members(rng: random.Random) -> Sample:
    """Return an archive whose members are odd by name, number or content."""
    x, y = npy(np.ones((3, 2))), npy(np.array(["a", "b", "a"]))
    surrogates = npy(np.array([0xD800, 97, 0xDFFF], "<u4").view("<U1"))
    beyond = npy(np.array([0x110000, 97, 97], "<u4").view("<U1"))
    members = {
        "x.npy": rng.choice((x, x, npy_content(rng), x + b"more", x[:-1], b"")),
        "y.npy": rng.choice((y, y[:-1], surrogates, beyond, npy_content(rng))),
    }
    odd = rng.choice(
        ("../x.npy", "/x.npy", "x", "x\0y.npy", "é" * 9, "\x1b[2J", "a" * 9000, "x.npy/")
    )
    if rng.random() < 0.4:
        members[odd] = x
    if rng.random() < 0.2:
        members = {f"x{i}.npy": x for i in range(300)}
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    target = rng.choice((None, "y", "no such", "x\0y", odd))
    return Sample({"rows.npz": zipped(members, method)}, "rows.npz", target)


def npz_file(rng: random.Random) -> Sample:
    """Return an NPZ file that is wrong in its directory or its members."""
    return rng.choice((_odd_directory, _odd_members))(rng)


def idx_folder(rng: random.Random) -> Sample:
    """Return a folder of IDX files, one of which claims what is not there."""
    kind = rng.choice((8, 8, 8, 9, 11, 12, 13, 14, 0, 7, 10, 255))
    n_dimensions = rng.choice((0, 1, 2, 3, 3, 4, 8, 9, 255))
    lengths = [rng.choice((0, 1, 2, 4, 10**9, 2**31, 2**32 - 1)) for _ in range(n_dimensions)]
    header = bytes([0, rng.choice((0, 0, 0, 1)), kind, n_dimensions])
    content = header + struct.pack(f">{n_dimensions}I", *lengths) + bytes(rng.choice((0, 1, 4, 16)))
    sample = samples("idx")[0]
    sample = sample.with_file(rng.choice(sorted(sample.files)), content)
    if rng.random() < 0.3:
        files = dict(sample.files)
        del files[rng.choice(sorted(files))]
        sample = Sample(files, "")
    return sample


def idx_gz_folder(rng: random.Random) -> Sample:
    """Return such a folder with its files compressed."""
    sample = idx_folder(rng)
    return Sample({f"{name}.gz": pack(content) for name, content in sample.files.items()}, "")


def _npy_of(header: str, body: bytes, version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H", len(text)) if version == 1 else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + body


_BYTES = "{{'descr': '|u1', 'fortran_order': False, 'shape': {}}}"
_TEXTS = "{{'descr': '<U1', 'fortran_order': False, 'shape': ({},)}}"


def heavy_npy() -> dict[str, Callable[[], bytes]]:
    """Return makers of NPY files of 16 MiB with one part beyond measure."""
    n = (16 << 20) - 256
    return {
        "columns": lambda: _npy_of(_BYTES.format((1, n)), bytes(n)),
        "two rows of columns": lambda: _npy_of(_BYTES.format((2, n // 2)), bytes(n)),
        "rows": lambda: _npy_of(_BYTES.format((n, 1)), bytes(n)),
        "a header": lambda: _npy_of(" " * n, b"", version=2),
        "an image": lambda: _npy_of(_BYTES.format((1, n // 16, 16)), bytes(n)),
        "a missing value": lambda: npy(np.append(np.zeros(n // 8), np.nan).reshape(-1, 1)),
    }


def heavy_npz() -> dict[str, Callable[[], bytes]]:
    """Return makers of NPZ files of up to 16 MiB that unpack to far more, or of many members."""
    x = npy(np.ones((3, 2)))
    return {
        "rows": lambda: zipped({"x.npy": _bytes_of_rows(10**6)}),
        "labels": lambda: zipped({"x.npy": x, "y.npy": _texts(40_000_000)}),
        "text labels": lambda: zipped(
            {
                "x.npy": _npy_of(_BYTES.format((30_000_000, 1)), bytes(30_000_000)),
                "y.npy": _texts(30_000_000),
            }
        ),
        "a header": lambda: zipped({"x.npy": _npy_of(" " * (1 << 30), b"", version=2)}),
        "entries of one member": lambda: _entries(x),
        "members": lambda: zipped({f"{i}.npy": b"" for i in range(120_000)}),
        "three parts": lambda: zipped(
            {f"x_{part}.npy": _bytes_of_rows(120_000) for part in ("train", "val", "test")}
        ),
    }


def _bytes_of_rows(n: int) -> bytes:
    return _npy_of(_BYTES.format((n, 1000)), bytes(n * 1000))


def _texts(n: int) -> bytes:
    return _npy_of(_TEXTS.format(n), b"a\0\0\0" * n)


def _entries(x: bytes) -> bytes:
    """Return a directory of 300,000 entries for one member."""
    archive = zipped({"x.npy": x})
    directory = archive.index(b"PK\1\2")
    entries = archive[directory : archive.index(b"PK\5\6")] * 300_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, len(entries), directory, 0)
    return archive[:directory] + entries + end


def heavy_idx() -> dict[str, Callable[[], dict[str, bytes]]]:
    """Return makers of folders of IDX files of 16 MiB."""
    n = (16 << 20) - 16
    return {
        "one pixel a row": lambda: {
            "train-images-idx3-ubyte": idx(np.zeros((n, 1, 1))),
            "train-labels-idx1-ubyte": idx(np.zeros(n - 1)),
        },
        "one image": lambda: {"train-images-idx3-ubyte": idx(np.zeros((1, n // 16, 16)))},
    }


def heavy_idx_gz() -> dict[str, Callable[[], dict[str, bytes]]]:
    """Return makers of folders of IDX files of up to 16 MiB that unpack to far more."""
    n = 100_000_000
    images = bytes([0, 0, 8, 3]) + struct.pack(">3I", n, 1, 1)
    large = bytes([0, 0, 8, 3]) + struct.pack(">3I", 1000, 1000, 1000)
    labels = bytes([0, 0, 8, 1]) + struct.pack(">I", n)
    name, label_name = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
    few = pack(idx(np.zeros((2, 4, 4))))
    return {
        "images": lambda: {name: pack(large + bytes(10**9))},
        "one pixel a row": lambda: {
            name: pack(images + bytes(n)),
            label_name: pack(labels + bytes(n)),
        },
        "labels": lambda: {name: few, label_name: pack(labels + bytes(n))},
    }
