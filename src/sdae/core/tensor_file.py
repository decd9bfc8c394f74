"""Files of tensors with one JSON entry and a checksum over both, in the safetensors format.

Opening one executes nothing. The entry is the metadata ``sdae``; its field ``sha256`` covers the
entry itself and the name, type, shape and bytes of every tensor, so any flipped bit is found.

Writing and reading do not copy the whole content. A file may be of any size: the sizes in its
header are checked against the size of the file, so reading never allocates more than that.
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
# A header is parsed before it can be trusted: these bound the time and the memory that takes.
_MAX_HEADER = 32 << 20
_MOST_ITEMS = 5 << 18
_MOST_DIGITS = 400
_MOST_TENSORS = 1 << 13
_MAX_REASON = 1000


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]
) -> None:
    """Write tensors and their description, atomically: equal content gives equal bytes.

    Raises
    ------
    DataError
        If the file could not be read again: too many tensors, or too many or too long names.
    FileAccessError
        If the file cannot be written; an older file of that name is then intact.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    entry = dict(description) | {_DIGEST: checksum(plain, description)}
    with replacing(path) as new:
        try:
            save_file(plain, new, {_ENTRY: _json(entry)})
        except SafetensorError as error:  # also raised for a full disk
            raise FileAccessError(f"Cannot write {path}: {reason_of(error)}.") from None
        with new.open("rb") as file:
            header = file.read(_header_length(file.read(8)))
        if problem := _excess(header, len(tensors)):
            raise DataError(f"{path} cannot be written: {problem}. Use fewer or shorter names.")


def read_tensors(
    path: str | Path, kind: str, newest: int
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a file that :func:`write_tensors` wrote: its description and its tensors, on the CPU.

    Parameters
    ----------
    path : str or Path
    kind : str
        What the file should be, for error messages: ``model file``.
    newest : int
        The newest format that is accepted; all from 1 on are. It is the description's ``format``.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable, or larger than the memory.
    FileFormatError
        If it is damaged, not a file of this kind, or of a format that this version does not know.
    """
    path = Path(path)
    n_bytes = checked_size(path)
    with translate_os_errors(path, "read"), path.open("rb") as file:
        description = _description(file, n_bytes, path, kind)
    found = description["format"]
    if type(found) is not int or not 1 <= found <= newest:
        shown = repr(found)[:50] if isinstance(found, int | str | None) else type(found).__name__
        known = "format 1" if newest == 1 else f"formats 1 to {newest}"
        raise FileFormatError(
            f"{path} has format {shown}; this version of sdae reads {known}. Install a newer sdae."
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
    """Raise an error if the memory is too small; the file is then not reported as damaged."""
    try:
        torch.empty(n_bytes, dtype=torch.uint8)  # never written, and freed at once
    except RuntimeError:
        raise FileAccessError(
            f"Cannot read {path}: its {n_bytes:,} bytes do not fit in memory. Use a machine with "
            "more memory."
        ) from None


def _description(file: IO[bytes], n_bytes: int, path: Path, kind: str) -> dict[str, Any]:
    """Read the JSON entry out of the file's header, checking sizes before using them."""
    if n_bytes < 8:
        raise FileFormatError(f"{path} is not a {kind}: it has only {n_bytes} bytes.")
    length = _header_length(file.read(8))
    if length > min(n_bytes - 8, _MAX_HEADER):
        raise FileFormatError(
            f"{path} is not a {kind}, or is truncated: its header would have {length:,} bytes."
        )
    raw = file.read(length)
    if problem := _excess(raw):
        raise FileFormatError(f"{path} is not a {kind} of sdae: {problem}.")
    n_tensors, description = 0, None
    with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        header = _parsed(raw)
        n_tensors = len(header.keys() - {"__metadata__"})
        description = _parsed(header["__metadata__"][_ENTRY])
    if problem := _excess(b"", n_tensors):
        raise FileFormatError(f"{path} is not a {kind} of sdae: {problem}.")
    if not isinstance(description, dict) or "format" not in description:
        raise FileFormatError(f"{path} is not a {kind} of sdae, or its header is damaged.")
    return description


def _header_length(beginning: bytes) -> int:
    return int.from_bytes(beginning, "little")


def _excess(header: bytes, n_tensors: int = 0) -> str:
    """Return which limit the header exceeds; an empty text if none."""
    n_items = sum(header.count(mark) for mark in (b"[", b"{", b","))
    if len(header) > _MAX_HEADER or n_items > _MOST_ITEMS:
        return f"its header has {len(header):,} bytes and some {n_items:,} items"
    return f"it has {n_tensors:,} tensors" if n_tensors > _MOST_TENSORS else ""


def _parsed(text: str | bytes) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_int=_whole)


def _whole(digits: str) -> int:
    """Read an integer with a limited number of digits: very many take long to convert."""
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary from JSON pairs; refuse a name that occurs twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def reason_of(error: Exception) -> str:
    """Return the text of an error, short and in one line: it may quote anything from a file."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
    return one_line(text[:_MAX_REASON]).rstrip(".")


def one_line(text: str) -> str:
    """Return a text in one line; characters that cannot be shown are escaped."""
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
