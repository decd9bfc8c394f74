"""Check the operations of a pickle against those that NumPy arrays need, before running any.

A pickle is a program for a small stack machine. Not allowed are dictionaries and sets, since
hashing deeply nested objects exhausts the stack; objects made without a call; floats, which occur
only inside arrays; and memory slots beyond the number of operations, since Python allocates memory
up to the slot.

Arguments are skipped, not decoded: an operation is one byte, then a number of bytes, or a
number of lines, or a count and as many bytes.
"""

import re

import numpy as np

from sdae.core.errors import FileFormatError

_MAX_OPERATIONS = 10_000

# PROTO, FRAME, MARK, NONE, NEWTRUE, NEWFALSE, BININT, BININT1, BININT2, tuples, lists, BINGET,
# LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE, STACK_GLOBAL, REDUCE, BUILD, BINPERSID.
_BYTES = {
    **dict.fromkeys(b"(N\x88\x89)t\x85\x86\x87]lae\x94\x93RbQ", 0),
    **dict.fromkeys(b"\x80Khq", 1),
    **dict.fromkeys(b"M", 2),
    **dict.fromkeys(b"Jjr", 4),
    **dict.fromkeys(b"\x95", 8),
}
# INT, LONG, STRING, UNICODE, PERSID, GET, PUT; GLOBAL has two.
_LINES = {**dict.fromkeys(b"ILSVPgp", 1), **dict.fromkeys(b"c", 2)}
# LONG1, SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE; BINSTRING, BINBYTES, BINUNICODE;
# BINUNICODE8, BINBYTES8, BYTEARRAY8.
_COUNTED = {
    **dict.fromkeys(b"\x8aUC\x8c", 1),
    **dict.fromkeys(b"TBX", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}
_PUT, _LONG_BINPUT, _STOP = b"pr."
# Texts are converted into bytes: text, bytes and the pickle are in memory at the same time.
_TEXTS = b"USTVX\x8c\x8d"
_UNICODE, _UTF_8 = ord("V"), b"X\x8d"
_MAX_TEXTS, _LONG = 256 << 20, 1 << 20
_WIDE_ESCAPE = re.compile(rb"\\u(?!00)|\\U(?!000000)")
_FIRST_WIDE = 0xC4  # the first byte of a character beyond Latin-1, in UTF-8


def check_operations(content: bytes, source: str) -> None:
    """Refuse operations that arrays do not need.

    Raises
    ------
    FileFormatError
        If there is such an operation, or if the pickle has no STOP operation.
    """
    place = n_texts = 0
    for _ in range(_MAX_OPERATIONS):
        if place >= len(content):
            raise FileFormatError(
                f"{source} is truncated, or not a pickle of arrays: it has no end. Download it "
                "again."
            )
        operation = content[place]
        if operation == _STOP:
            return
        stop = _end_of_argument(content, place)
        if stop is None:
            raise refused(source, f"the operation {operation:#04x} at byte {place}")
        if operation in _TEXTS:
            n_texts += min(stop, len(content)) - place
            _check_text(content, place, stop, source)
            if n_texts > _MAX_TEXTS:
                raise refused(source, f"texts of more than {_MAX_TEXTS:,} bytes")
        if operation in (_PUT, _LONG_BINPUT):
            _check_slot(content[place + 1 : stop], operation, source)
        place = stop
    raise refused(source, f"more than {_MAX_OPERATIONS:,} operations")


def refused(source: str, what: str) -> FileFormatError:
    """Return the error for a pickle that holds something other than arrays."""
    return FileFormatError(
        f"{source} holds something other than arrays ({what}) and was refused: only NumPy arrays "
        "are read from a pickle. If you trust it, save its arrays with numpy.savez."
    )


def _end_of_argument(content: bytes, place: int) -> int | None:
    """Return where the operation at `place` ends; None for one that arrays do not need."""
    operation = content[place]
    start = place + 1
    if operation in _BYTES:
        return start + _BYTES[operation]
    if operation in _COUNTED:
        width = _COUNTED[operation]
        return start + width + int.from_bytes(content[start : start + width], "little")
    if operation not in _LINES:
        return None
    for _ in range(_LINES[operation]):
        # A line without an end would lead past the end of the file.
        start = (content.find(b"\n", start) + 1) or len(content)
    return start


def _check_text(content: bytes, place: int, stop: int, source: str) -> None:
    """Refuse a long text with a character beyond Latin-1, which makes Python store it wide."""
    if stop - place < _LONG:
        return
    operation = content[place]
    is_wide = False
    if operation == _UNICODE:
        is_wide = _WIDE_ESCAPE.search(content, place, stop) is not None
    elif operation in _UTF_8:
        text = np.frombuffer(content, np.uint8)[place + 1 + _COUNTED[operation] : stop]
        is_wide = int(text.max(initial=0)) >= _FIRST_WIDE
    if is_wide:
        raise refused(source, "a text with characters that are not bytes")


def _check_slot(argument: bytes, operation: int, source: str) -> None:
    digits = argument.strip()
    if operation == _LONG_BINPUT:
        slot = int.from_bytes(argument, "little")
    elif digits.isdigit() and len(digits) < 20:
        slot = int(digits)
    else:
        raise refused(source, "a memory slot that is not a number")
    if slot > _MAX_OPERATIONS:
        raise refused(source, f"the memory slot {slot}")
