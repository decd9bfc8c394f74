"""Packed files, unpacked within bounds: gzip, bzip2, xz, and a zip of one file.

What a file is packed with is found by its first bytes.
"""

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from sdae.core.errors import FileFormatError
from sdae.core.files import MAX_BYTES, unpack_gzip
from sdae.core.wording import listed, reason
from sdae.data.bounds import room

_CHUNK = 1 << 18
_MAX_STREAMS = 100_000
_MAX_MEMBERS = 10_000
_XZ_MEMORY = 256 << 20  # bytes; the strongest preset of xz needs 65 MiB
_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"PK\3\4"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_FAULTS = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


def unpacked(content: bytes, source: str, share: int) -> bytes:
    """Return the unpacked content of a file, or the content itself if it is not packed.

    Parameters
    ----------
    content : bytes
    source : str
        What the file is called in messages.
    share : int
        A table takes at most `share` times the memory of its unpacked bytes.

    Raises
    ------
    FileFormatError
        If it is damaged, unpacks to too much, or is an archive of several files.
    """
    limit = min(MAX_BYTES, room(len(content)) // share)
    if content.startswith(_GZIP):
        return unpack_gzip(content, source, limit)
    for magic, unpack in _UNPACK.items():
        if content.startswith(magic):
            try:
                return unpack(content, source, limit)
            except FileFormatError:
                raise
            except _FAULTS as error:
                raise FileFormatError(
                    f"{source} is damaged: it cannot be unpacked ({reason(error)}). Download it "
                    "again."
                ) from None
    return content


def _bzip2(content: bytes, source: str, limit: int) -> bytes:
    _check_streams(content.count(_BZIP2), source)
    with bz2.BZ2File(io.BytesIO(content)) as file:
        return _bounded(_pieces(file), source, limit)


def _xz(content: bytes, source: str, limit: int) -> bytes:
    _check_streams(content.count(_XZ), source)
    return _bounded(_xz_pieces(content), source, limit)


def _xz_pieces(content: bytes) -> Iterator[bytes]:
    while content:
        # The header says how much memory unpacking takes: up to 4 GiB, were it not limited.
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        yield stream.decompress(content, _CHUNK)
        while not stream.eof:
            if stream.needs_input:
                raise EOFError("it ends too early")
            yield stream.decompress(b"", _CHUNK)
        content = stream.unused_data.lstrip(b"\0")  # zeros may fill up to four bytes


def _zip(content: bytes, source: str, limit: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS:
            raise FileFormatError(
                f"{source} holds {len(members):,} files. Unpack it, and give one of them."
            )
        if any(member.filename == "[Content_Types].xml" for member in members):
            raise FileFormatError(
                f"{source} is an Excel file, whatever its name. Convert it with: "
                'pandas.read_excel("FILE.xlsx").to_csv("FILE.csv", index=False)'
            )
        files = [member for member in members if _is_file(member.filename)]
        if len(files) != 1:
            names = listed(member.filename for member in files)
            raise FileFormatError(
                f"{source} holds {len(files)} files{': ' * bool(files)}{names}. Unpack it, and "
                "give one of them."
            )
        if files[0].flag_bits & 1:
            raise FileFormatError(f"{source} is encrypted. Unpack it, and give the file in it.")
        if files[0].compress_type not in _METHODS:
            raise FileFormatError(
                f"{source} is packed by a rare method. Unpack it, and give the file in it."
            )
        with archive.open(files[0]) as file:
            return _bounded(_pieces(file), source, limit)


def _is_file(name: str) -> bool:
    """Return whether a member is a file of the user: no folder, and no note of an archiver."""
    return not name.endswith("/") and not name.startswith("__MACOSX/") and ".DS_Store" not in name


_UNPACK: dict[bytes, Callable[[bytes, str, int], bytes]] = {
    _BZIP2: _bzip2,
    _XZ: _xz,
    _ZIP: _zip,
}


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_CHUNK):
        yield piece


def _bounded(pieces: Iterator[bytes], source: str, limit: int) -> bytes:
    whole = io.BytesIO()
    for piece in pieces:
        whole.write(piece)
        if whole.tell() > limit:
            raise FileFormatError(
                f"{source} unpacks to more than {limit:,} bytes. If you trust it, unpack it and "
                "give the unpacked file."
            )
    return whole.getvalue()


def _check_streams(n_streams: int, source: str) -> None:
    if n_streams > _MAX_STREAMS:
        raise FileFormatError(
            f"{source} has more than {_MAX_STREAMS:,} packed streams, one after the other. Unpack "
            "it, and pack it again."
        )
