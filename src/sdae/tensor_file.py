"""Files of tensors with one JSON entry and a checksum over both: safetensors that can be trusted.

Opening one executes nothing. The entry is the metadata ``sdae``; its field ``sha256`` covers the
entry itself and the name, type, shape and bytes of every tensor, so that no flipped bit passes.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from sdae.errors import DataError, FileFormatError
from sdae.files import read_bytes, write_atomically

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
    content = to_bytes(tensors, description)
    header = content[8 : 8 + _header_length(content)]
    if problem := _excess(header, len(tensors)):
        raise DataError(f"{path} cannot be written: {problem}. Use fewer or shorter names.")
    write_atomically(path, content)


def to_bytes(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> bytes:
    """Return the bytes of such a file."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    entry = dict(description) | {_DIGEST: checksum(plain, description)}
    content: bytes = tensors_to_bytes(plain, metadata={_ENTRY: _json(entry)})
    return content


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
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged, no file of this kind, or of a format this version does not know.
    """
    path = Path(path)
    content = read_bytes(path)
    description = _description(content, path, kind)
    found = description["format"]
    if type(found) is not int or found != version:
        shown = repr(found)[:50] if isinstance(found, int | str | None) else type(found).__name__
        raise FileFormatError(
            f"{path} has format {shown}; this version of sdae reads format {version}. Install a "
            "newer sdae."
        )
    digest = description.pop(_DIGEST, None)
    try:
        tensors = tensors_from_bytes(content)
        expected = checksum(tensors, description)
    except (SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise FileFormatError(f"{path} is damaged: {reason_of(error)}.") from None
    if digest != expected:
        raise FileFormatError(
            f"{path} is damaged: its content does not match its checksum. Use another copy of it."
        )
    return description, tensors


def _description(content: bytes, path: Path, kind: str) -> dict[str, Any]:
    """Read the JSON entry out of the file's header, checking sizes before using them."""
    if len(content) < 8:
        raise FileFormatError(f"{path} is no {kind}: it has only {len(content)} bytes.")
    length = _header_length(content)
    if length > min(len(content) - 8, _MAX_HEADER):
        raise FileFormatError(
            f"{path} is no {kind}, or is truncated: its header would have {length:,} bytes."
        )
    raw = content[8 : 8 + length]
    if problem := _excess(raw):
        raise FileFormatError(f"{path} is no {kind} of sdae: {problem}.")
    n_tensors, description = 0, None
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        header = _parsed(raw)
        n_tensors = len(header)
        description = _parsed(header["__metadata__"][_ENTRY])
    if problem := _excess(b"", n_tensors):
        raise FileFormatError(f"{path} is no {kind} of sdae: {problem}.")
    if not isinstance(description, dict) or "format" not in description:
        raise FileFormatError(f"{path} is no {kind} of sdae, or its header is damaged.")
    return description


def _header_length(content: bytes) -> int:
    return int.from_bytes(content[:8], "little")


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
