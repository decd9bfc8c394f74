"""Hostile data: claims that are lies, archives that are bombs, places that are no files."""

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tests.torture.hostile_case import Case, content, data
from tests.torture.sample_files import idx, npy, zipped

_MIB = 1 << 20


def _case(name: str, file: str, made: Callable[[], bytes], target: str | None = None) -> Case:
    return Case(f"{file} with {name}", content(file, made), (data(file, target),))


def _npy(header: str, body: bytes = b"", version: int = 1, claim: int | None = None) -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text) if claim is None else claim)
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + body


def _header(shape: str = "(3, 2)", descr: str = "'<f4'", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


def _npy_headers() -> Iterator[tuple[str, bytes]]:
    body = bytes(24)
    for shape in (
        "(1000000000, 2)",
        "(1000000000, 1000000000)",
        "(9223372036854775807, 2)",
        f"({10**30}, 2)",
        "(-3, -2)",
        "(-1,)",
        "(3, 2.0)",
        "(True, 6)",
        "'ab'",
        "__import__('os').system('true')",
        "(" + "1, " * 60 + ")",
        "(" * 5000,
        "10**9",
    ):
        yield f"shape {shape[:30]}", _npy(_header(shape), body)
    for descr in (
        "'|O'",
        "'<U999999999'",
        "'|V999999999'",
        "'(1000000,1000000)f4'",
        "[('a', '|O')]",
        "'<c16'",
        "'<M8[s]'",
        "__import__('os')",
        "'os.system'",
        "lambda: 1",
        "None",
        "{'names': ['a'], 'formats': ['O']}",
    ):
        yield f"type {descr[:30]}", _npy(_header(descr=descr), body)
    yield "an order to run", _npy(_header(order="exec('1')"), body)
    yield "version 9", _npy(_header(), body, version=9)
    yield "a header of 4 GiB", _npy(_header(), body, version=2, claim=2**32 - 1)
    yield "a header of 1 MB", _npy(_header() + " " * 1_000_000, body, version=2)
    yield "nothing", b""
    yield "no magic", b"NUMPY" + body
    yield "a NaN", npy(np.array([[1.0, np.nan]]))


def _archive(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return zipped(members, method)


def _patched(archive: bytes, magic: bytes, offset: int, field: bytes) -> bytes:
    """Return an archive with another field in the first record that begins with `magic`."""
    place = archive.index(magic) + offset
    return archive[:place] + field + archive[place + len(field) :]


def _npz_files() -> Iterator[tuple[str, Callable[[], bytes]]]:
    x, y = npy(np.ones((3, 2))), npy(np.arange(3))
    good = _archive({"x.npy": x, "y.npy": y})
    size = struct.pack("<I", 2**31 + 5)
    huge = _npy(_header("(1000000000, 1)", "'|u1'"), bytes(1000))
    for name, made in (
        ("only names that lead elsewhere", _archive({"../../x.npy": x, "/etc/x.npy": x})),
        ("a size of 2 GiB in the directory", _patched(good, b"PK\1\2", 24, size)),
        ("a password", _patched(good, b"PK\1\2", 8, b"\1\0")),
        ("a wrong checksum", _patched(good, b"PK\1\2", 16, b"\0\0\0\0")),
        ("a member far away", _patched(good, b"PK\1\2", 42, b"\xff\xff\xff\x7f")),
        ("an unknown method", _patched(good, b"PK\1\2", 10, b"\x63\0")),
        ("BZIP2", _archive({"x.npy": x}, zipfile.ZIP_BZIP2)),
        ("LZMA", _archive({"x.npy": x}, zipfile.ZIP_LZMA)),
        ("10**9 rows", _archive({"x.npy": huge})),
        ("labels of 10**9 rows", _archive({"x.npy": x, "y.npy": huge})),
        ("fewer labels", _archive({"x.npy": x, "y.npy": npy(np.arange(2))})),
        ("more bytes than the header says", _archive({"x.npy": x + bytes(100)})),
        ("an archive in it", _archive({"x.npy": good})),
        ("no members", _archive({})),
        ("no archive", b"PK\3\4" + bytes(100)),
        ("a name that clears the screen", _archive({"\x1b[2J.npy": x})),
        ("half of it", good[: len(good) // 2]),
    ):
        yield name, lambda made=made: made  # type: ignore[misc]
    yield "320 MiB of zeros, 1,280 MiB as numbers", lambda: _bomb(320 * _MIB)
    yield "names of 60,000 characters", lambda: _archive({"z" * 60_000: x, "q" * 60_000: x})


def _bomb(n_bytes: int) -> bytes:
    """Return an archive of one member of zeros, written a piece at a time."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write(_npy(_header(f"({n_bytes}, 1)", "'|u1'")))
        piece = bytes(64 * _MIB)
        for _ in range(n_bytes // len(piece)):
            member.write(piece)
    return stream.getvalue()


def gzip_bomb(start: bytes, n_bytes: int, filling: bytes = b"\0") -> bytes:
    """Return a compressed file of very many equal bytes: one piece of it, again and again."""
    piece = gzip.compress(filling * (16 * _MIB), 9, mtime=0)
    return gzip.compress(start, mtime=0) + piece * (n_bytes // (16 * _MIB))


def _idx_folders() -> Iterator[tuple[str, dict[str, Callable[[], bytes]]]]:
    images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    good = idx(np.zeros((4, 3, 3)))
    for name, made in (
        ("10**9 images", bytes([0, 0, 8, 3]) + struct.pack(">3I", 10**9, 28, 28)),
        ("2**32 - 1 everywhere", bytes([0, 0, 8, 3]) + b"\xff" * 12),
        ("255 dimensions", bytes([0, 0, 8, 255]) + bytes(1020)),
        ("no dimensions", bytes([0, 0, 8, 0])),
        ("no images", bytes([0, 0, 8, 3]) + bytes(12)),
        ("an unknown type", bytes([0, 0, 10, 1, 0, 0, 0, 1, 0])),
        ("a wrong magic", b"\x7fELF" + good),
        ("one byte less", good[:-1]),
        ("one byte more", good + b"\0"),
        ("NaN", bytes([0, 0, 13, 2, 0, 0, 0, 1, 0, 0, 0, 1]) + struct.pack(">f", float("nan"))),
        ("nothing", b""),
    ):
        yield name, {images: lambda made=made: made}  # type: ignore[misc]
    yield "fewer labels", {images: lambda: good, labels: lambda: idx(np.zeros(3))}
    yield "labels alone", {labels: lambda: idx(np.zeros(3))}
    head = bytes([0, 0, 8, 3]) + struct.pack(">3I", 5 * 1024, 1024, 1024)
    yield "5 GiB of zeros", {f"{images}.gz": lambda: gzip_bomb(head, 5 * 1024 * _MIB)}
    yield "a torn archive", {f"{images}.gz": lambda: gzip.compress(good)[:-9]}
    yield "no archive", {f"{images}.gz": lambda: b"\x1f\x8b" + bytes(100)}


def _places() -> Iterator[Case]:
    for file in ("rows.csv", "rows.csv.gz", "rows.parquet", "rows.npz", "rows.npy", "mnist.pkl"):
        for name, make in (
            ("a pipe", lambda path: os.mkfifo(path)),
            ("a link to /dev/zero", lambda path: path.symlink_to("/dev/zero")),
            ("a link to itself", lambda path: path.symlink_to(path.name)),
            ("an empty folder", lambda path: path.mkdir()),
        ):
            yield Case(
                f"{file} that is {name}",
                lambda folder, file=file, make=make: make(folder / file),  # type: ignore[misc]
                (data(file),),
            )
    images = "train-images-idx3-ubyte"
    for name, make in (
        ("a pipe", lambda path: os.mkfifo(path)),
        ("a folder", lambda path: path.mkdir()),
        ("a link to /dev/zero", lambda path: path.symlink_to("/dev/zero")),
    ):
        yield Case(
            f"a folder whose images are {name}",
            lambda folder, make=make: make(folder / images),  # type: ignore[misc]
            (data(""),),
        )


def cases() -> Iterator[Case]:
    """Yield all of them."""
    for name, made in _npy_headers():
        yield _case(name, "rows.npy", lambda made=made: made)  # type: ignore[misc]
    for name, make in _npz_files():
        yield _case(name, "rows.npz", make)
    for name, files in _idx_folders():
        yield Case(
            f"IDX files with {name}",
            lambda folder, files=files: [  # type: ignore[misc]
                (folder / file).write_bytes(make()) for file, make in files.items()
            ],
            (data(""),),
        )
    yield from _places()
