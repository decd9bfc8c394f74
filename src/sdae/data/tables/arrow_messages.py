"""How much memory the messages of an Arrow file take, before anything is unpacked.

A compressed buffer begins with its unpacked length, so a small file could ask for any amount. The
metadata of a message are a flatbuffer; only what says where buffers lie is read here. The formats:
https://arrow.apache.org/docs/format/Columnar.html, https://flatbuffers.dev/internals/.
"""

import struct
from collections.abc import Iterator

_MESSAGE_HEADER_TYPE, _MESSAGE_HEADER = 1, 2  # fields of Message
_BUFFERS, _COMPRESSION = 2, 3  # fields of RecordBatch
_DATA = 1  # field of DictionaryBatch
_DICTIONARY, _RECORDS = 2, 3  # types of a header
_MAX_BUFFERS = 1 << 24


class Flatbuffer:
    """A table in a flatbuffer.

    Parameters
    ----------
    content : memoryview
    place : int
        Where the table begins.

    Raises
    ------
    struct.error, ValueError
        If something lies outside the buffer.
    """

    def __init__(self, content: memoryview, place: int) -> None:
        self._content, self._place = content, _inside(content, place)
        self._vtable = _inside(content, place - _read("<i", content, place))
        self._size = _read("<H", content, self._vtable)

    def field(self, number: int) -> int | None:
        """Return where a field lies, or None if it has its default value."""
        entry = 4 + 2 * number
        if entry + 2 > self._size:
            return None
        offset = _read("<H", self._content, self._vtable + entry)
        return self._place + offset if offset else None

    def child(self, number: int) -> "Flatbuffer | None":
        """Return the table that a field points to."""
        place = self.field(number)
        if place is None:
            return None
        return Flatbuffer(self._content, place + _read("<I", self._content, place))

    def byte(self, number: int) -> int:
        """Return the value of a field of one byte."""
        place = self.field(number)
        return 0 if place is None else _read("<B", self._content, place)

    def pairs(self, number: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs of 64-bit integers in the vector of a field."""
        place = self.field(number)
        if place is None:
            return
        start = place + _read("<I", self._content, place)
        n_pairs = _read("<I", self._content, start)
        if n_pairs > _MAX_BUFFERS:
            raise ValueError(f"{n_pairs} buffers")
        for pair in range(n_pairs):
            where = start + 4 + 16 * pair
            yield _read("<q", self._content, where), _read("<q", self._content, where + 8)


def unpacked_bytes(metadata: memoryview, body: memoryview) -> int:
    """Return how many bytes the buffers of a message take when they are unpacked.

    Raises
    ------
    struct.error, ValueError
        If the message is damaged.
    """
    message = Flatbuffer(metadata, _read("<I", metadata, 0))
    kind = message.byte(_MESSAGE_HEADER_TYPE)
    batch = message.child(_MESSAGE_HEADER)
    if kind == _DICTIONARY and batch is not None:
        batch = batch.child(_DATA)
    if kind not in (_DICTIONARY, _RECORDS) or batch is None:
        return 0
    if batch.field(_COMPRESSION) is None:
        return len(body)
    total = 0
    for offset, length in batch.pairs(_BUFFERS):
        if length > 8:
            claimed = _read("<q", body, _inside(body, offset))
            total += max(length, claimed)
    return total


def _inside(content: memoryview, place: int) -> int:
    if not 0 <= place < len(content):
        raise ValueError("something lies outside the file")
    return place


def _read(form: str, content: memoryview, place: int) -> int:
    value: int = struct.unpack_from(form, content, _inside(content, place))[0]
    return value
