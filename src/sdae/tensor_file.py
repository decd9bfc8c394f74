"""Files of tensors with one JSON entry and a checksum over both: safetensors that can be trusted.

Opening one executes nothing. The entry is the metadata ``sdae``; its field ``sha256`` covers the
entry itself and the name, type, shape and bytes of every tensor, so that no flipped bit passes.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from sdae.errors import FileFormatError
from sdae.files import read_bytes, write_atomically

_ENTRY = "sdae"
_DIGEST = "sha256"
_MAX_HEADER = 32 << 20


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]
) -> None:
    """Write tensors and what describes them, atomically: equal content gives equal bytes.

    Raises
    ------
    FileAccessError
        If the file cannot be written; an older file of that name is then intact.
    """
    write_atomically(path, to_bytes(tensors, description))


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
    if description["format"] != version:
        raise FileFormatError(
            f"{path} has format {description['format']!r}; this version of sdae reads format "
            f"{version}. Install a newer sdae."
        )
    digest = description.pop(_DIGEST, None)
    try:
        tensors = tensors_from_bytes(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise FileFormatError(f"{path} is damaged: {error}.") from None
    if digest != checksum(tensors, description):
        raise FileFormatError(
            f"{path} is damaged: its content does not match its checksum. Use another copy of it."
        )
    return description, tensors


def _description(content: bytes, path: Path, kind: str) -> dict[str, Any]:
    """Read the JSON entry out of the file's header, checking sizes before using them."""
    if len(content) < 8:
        raise FileFormatError(f"{path} is no {kind}: it has only {len(content)} bytes.")
    (length,) = struct.unpack("<Q", content[:8])
    if length > min(len(content) - 8, _MAX_HEADER):
        raise FileFormatError(
            f"{path} is no {kind}, or is truncated: its header would have {length:,} bytes."
        )
    try:
        description = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_ENTRY])
    except (ValueError, KeyError, TypeError, RecursionError):
        description = None
    if not isinstance(description, dict) or "format" not in description:
        raise FileFormatError(f"{path} is no {kind} of sdae, or its header is damaged.")
    return description


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
