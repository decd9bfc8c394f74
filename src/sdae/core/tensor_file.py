"""Files of tensors with one JSON entry and a checksum over both: safetensors that can be trusted.

Opening one executes nothing. The entry is the metadata ``sdae``; its field ``sha256`` covers the
entry itself and the name, type, shape and bytes of every tensor, so that no flipped bit passes.

Neither writing nor reading holds the content a second time. A file may be of any size: what its
header says is compared with the bytes that are there, so no more is ever allocated than those.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sdae.core.errors import DataError, FileAccessError, FileFormatError
from sdae.core.files import checked_size, replacing, translate_os_errors

_ENTRY = "sdae"
_DIGEST = "sha256"
# A header is parsed before anything is known of it: these bound the time and the memory it takes.
_MAX_HEADER = 32 << 20
_MOST_ITEMS = 5 << 18
_MOST_DIGITS = 400
_MOST_TENSORS = 1 << 13
_MAX_REASON = 1000


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]
) -> None:
    """Write tensors and what describes them, atomically: equal content gives equal bytes.

    Raises
    ------
    DataError
        If it could not be read again: there are too many tensors, or names.
    FileAccessError
        If the file cannot be written; an older file of that name is then intact.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    entry = dict(description) | {_DIGEST: checksum(plain, description)}
    with replacing(path) as new:
        try:
            save_file(plain, new, {_ENTRY: _json(entry)})
        except SafetensorError as error:  # of a full disk too
            raise FileAccessError(f"Cannot write {path}: {reason_of(error)}.") from None
        with new.open("rb") as file:
            header = file.read(_header_length(file.read(8)))
        if problem := _excess(header, len(tensors)):
            raise DataError(f"{path} cannot be written: {problem}. Use fewer or shorter names.")


def read_tensors(
    path: str | Path, kind: str, version: int
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read such a file: its description and its tensors, on the CPU.

    Parameters
    ----------
    path : str or Path
    kind : str
        What it should be, for errors: ``model file``.
    version : int
        The format that is read: the description's ``format``.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable, or larger than the memory.
    FileFormatError
        If it is damaged, no file of this kind, or of a format this version does not know.
    """
    path = Path(path)
    n_bytes = checked_size(path)
    with translate_os_errors(path, "read"), path.open("rb") as file:
        description = _description(file, n_bytes, path, kind)
    found = description["format"]
    if type(found) is not int or found != version:
        shown = repr(found)[:50] if isinstance(found, int | str | None) else type(found).__name__
        raise FileFormatError(
            f"{path} has format {shown}; this version of sdae reads format {version}. Install a "
            "newer sdae."
        )
    digest = description.pop(_DIGEST, None)
    _check_room(n_bytes, path)
    try:
        with translate_os_errors(path, "read"):
            # Mapped into memory, the numbers would change with the file.
            tensors: dict[str, Tensor] = load_file(path, backend="pread")
        expected = checksum(tensors, description)
    except (SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise FileFormatError(f"{path} is damaged: {reason_of(error)}.") from None
    if digest != expected:
        raise FileFormatError(
            f"{path} is damaged: its content does not match its checksum. Use another copy of it."
        )
    return description, tensors


def _check_room(n_bytes: int, path: Path) -> None:
    """Refuse a file for which there is no memory, rather than call it damaged."""
    try:
        torch.empty(n_bytes, dtype=torch.uint8)  # never touched, and given back at once
    except RuntimeError:
        raise FileAccessError(
            f"Cannot read {path}: it is too large for the memory, with {n_bytes:,} bytes. Use a "
            "machine with more."
        ) from None


def _description(file: IO[bytes], n_bytes: int, path: Path, kind: str) -> dict[str, Any]:
    """Read the JSON entry out of the file's header, checking sizes before using them."""
    if n_bytes < 8:
        raise FileFormatError(f"{path} is no {kind}: it has only {n_bytes} bytes.")
    length = _header_length(file.read(8))
    if length > min(n_bytes - 8, _MAX_HEADER):
        raise FileFormatError(
            f"{path} is no {kind}, or is truncated: its header would have {length:,} bytes."
        )
    raw = file.read(length)
    if problem := _excess(raw):
        raise FileFormatError(f"{path} is no {kind} of sdae: {problem}.")
    n_tensors, description = 0, None
    with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        header = _parsed(raw)
        n_tensors = len(header.keys() - {"__metadata__"})
        description = _parsed(header["__metadata__"][_ENTRY])
    if problem := _excess(b"", n_tensors):
        raise FileFormatError(f"{path} is no {kind} of sdae: {problem}.")
    if not isinstance(description, dict) or "format" not in description:
        raise FileFormatError(f"{path} is no {kind} of sdae, or its header is damaged.")
    return description


def _header_length(beginning: bytes) -> int:
    return int.from_bytes(beginning, "little")


def _excess(header: bytes, n_tensors: int = 0) -> str:
    """Say what there is too much of; nothing if all is within bounds."""
    n_items = sum(header.count(mark) for mark in (b"[", b"{", b","))
    if len(header) > _MAX_HEADER or n_items > _MOST_ITEMS:
        return f"its header has {len(header):,} bytes and some {n_items:,} items"
    return f"it has {n_tensors:,} tensors" if n_tensors > _MOST_TENSORS else ""


def _parsed(text: str | bytes) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_int=_whole)


def _whole(digits: str) -> int:
    """Read an integer; one of very many digits takes long."""
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of what JSON has; of a name that stands twice, readers may take either."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def reason_of(error: Exception) -> str:
    """Return what an error says, short and in one line: it may quote anything out of a file."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
    return one_line(text[:_MAX_REASON]).rstrip(".")


def one_line(text: str) -> str:
    """Return a text in one line; what cannot be shown is escaped."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


def checksum(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a description and of tensors in the order of their names."""
    digest = hashlib.sha256(_json(description).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
