"""How much memory the messages of an Arrow file take, before anything is unpacked.

A compressed buffer begins with its unpacked length, so a small file could ask for any amount. The
metadata of a message are a flatbuffer; only what says where buffers lie is read here. The formats:
https://arrow.apache.org/docs/format/Columnar.html, https://flatbuffers.dev/internals/.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MESSAGE_HEADER_TYPE, _MESSAGE_HEADER = 1, 2  # fields of Message
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3  # fields of RecordBatch
_DATA = 1  # field of DictionaryBatch
_DICTIONARY_BLOCKS, _RECORD_BLOCKS = 2, 3  # fields of Footer
_BLOCK = "<qi4xq"
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

    def long(self, number: int) -> int:
        """Return the value of a field of eight bytes."""
        place = self.field(number)
        return 0 if place is None else _read("<q", self._content, place)

    def structs(self, number: int, form: str) -> Iterator[tuple[int, ...]]:
        """Yield the values of the structs in the vector of a field."""
        place = self.field(number)
        if place is None:
            return
        start = place + _read("<I", self._content, place)
        n_structs = _read("<I", self._content, start)
        if n_structs > _MAX_BUFFERS:
            raise ValueError(f"{n_structs} buffers")
        size = struct.calcsize(form)
        for place in range(start + 4, start + 4 + size * n_structs, size):
            yield struct.unpack_from(form, self._content, _inside(self._content, place))


class Block(NamedTuple):
    """Where a message lies in a file: its metadata, then its body."""

    offset: int
    n_metadata: int
    n_body: int


def blocks_of(footer: memoryview) -> tuple[list[Block], list[Block]]:
    """Return where the dictionaries and the batches of rows lie, by the footer of a file.

    Raises
    ------
    struct.error, ValueError
        If the footer is damaged.
    """
    table = Flatbuffer(footer, _read("<I", footer, 0))
    dictionaries, records = (
        [Block(*values) for values in table.structs(field, _BLOCK)]
        for field in (_DICTIONARY_BLOCKS, _RECORD_BLOCKS)
    )
    return dictionaries, records


def rows_in(metadata: memoryview) -> int:
    """Return the number of rows of a message.

    Raises
    ------
    struct.error, ValueError
        If the message is damaged, or is not a batch of rows.
    """
    batch = _batch_in(metadata)
    if batch is None:
        raise ValueError("a message is not a batch of rows")
    return batch.long(_LENGTH)


def unpacked_bytes(metadata: memoryview, body: memoryview) -> int:
    """Return how many bytes the buffers of a message take when they are unpacked.

    Raises
    ------
    struct.error, ValueError
        If the message is damaged.
    """

    def claimed(offset: int) -> int:
        return _read("<q", body, _inside(body, offset))

    return claimed_bytes(metadata, len(body), claimed)


def claimed_bytes(metadata: memoryview, n_body: int, claimed: Callable[[int], int]) -> int:
    """Return how many bytes a message takes that is not in memory.

    `claimed` reads the unpacked length with which a compressed buffer begins, at an offset from the
    beginning of the body.

    Raises
    ------
    struct.error, ValueError
        If the message is damaged.
    """
    batch = _batch_in(metadata)
    if batch is None:
        return 0
    if batch.field(_COMPRESSION) is None:
        return n_body
    buffers = batch.structs(_BUFFERS, "<qq")
    return sum(max(length, claimed(offset)) for offset, length in buffers if length > 8)


def _batch_in(metadata: memoryview) -> Flatbuffer | None:
    """Return the batch of rows in a message, or that of a dictionary; None for others."""
    message = Flatbuffer(metadata, _read("<I", metadata, 0))
    kind = message.byte(_MESSAGE_HEADER_TYPE)
    batch = message.child(_MESSAGE_HEADER)
    if kind == _DICTIONARY and batch is not None:
        batch = batch.child(_DATA)
    return batch if kind in (_DICTIONARY, _RECORDS) else None


def _inside(content: memoryview, place: int) -> int:
    if not 0 <= place < len(content):
        raise ValueError("something lies outside the file")
    return place


def _read(form: str, content: memoryview, place: int) -> int:
    value: int = struct.unpack_from(form, content, _inside(content, place))[0]
    return value
