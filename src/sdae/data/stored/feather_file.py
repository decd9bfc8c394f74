"""A Feather (Arrow IPC) file, of which record batches are read one by one.

The file is read, not mapped: pages of a map stay in memory, and a map of a file that is truncated
ends the process. Where a batch lies, and how large it gets when it is unpacked, its message says.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sdae.core.files import checked_size, translate_os_errors
from sdae.data.bounds import check_room
from sdae.data.parquet_table import translated
from sdae.data.stored.arrow_layout import check_installed
from sdae.data.stored.shard import stamp_of
from sdae.data.tables.arrow_columns import is_text
from sdae.data.tables.arrow_file import ARROW
from sdae.data.tables.arrow_messages import Block, blocks_of, claimed_bytes, rows_in

_WHAT = "a Feather (Arrow IPC) file"
_END, _LENGTH = ARROW.rstrip(b"\0"), struct.Struct("<i")
_CONTINUES = b"\xff\xff\xff\xff"


class FeatherFile:
    """A Feather file.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    stamp : Stamp
        The state in which it was opened.
    schema : pyarrow.Schema
    sizes : list of int
        The number of rows of each record batch.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged, or an old Feather file.
    """

    def __init__(self, path: Path) -> None:
        self._n_bytes = checked_size(path)
        self.path = path
        self._source = str(path)
        check_installed(self._source, _WHAT)
        with translate_os_errors(path, "read"), path.open("rb") as file:
            self.stamp = stamp_of(path.stat())
            with reading(self._source):
                dictionaries, self._batches = self._blocks_in(file)
                self.sizes = [rows_in(self._metadata_of(file, block)) for block in self._batches]
                if min(self.sizes, default=0) < 0:
                    raise ValueError("a batch has less than no rows")
                self._check_unpacked(file, dictionaries)
        with reading(self._source):
            self.schema = self._reader().schema

    def check_batch(self, batch: int) -> None:
        """Raise an error before a batch takes more memory than the file justifies.

        Raises
        ------
        FileFormatError
            If it would.
        """
        with self.path.open("rb") as file:
            self._check_unpacked(file, [self._batches[batch]])

    def columns_of(self, batch: int, names: Sequence[str]) -> Any:
        """Read some columns of a batch, in the order given."""
        places = [self.schema.get_field_index(name) for name in names]
        found = self._reader(sorted(places)).get_batch(batch).select([*names])
        found.validate(full=True)
        return found

    def _reader(self, places: Sequence[int] | None = None) -> Any:
        """Open the file for some of its columns; only their bytes are read."""
        import pyarrow as pa

        options = pa.ipc.IpcReadOptions(included_fields=places, use_threads=False)
        return pa.ipc.open_file(pa.OSFile(str(self.path)), options=options)

    def _blocks_in(self, file: IO[bytes]) -> tuple[list[Block], list[Block]]:
        """Return where the dictionaries and the record batches lie."""
        end = self._n_bytes - len(_END) - _LENGTH.size
        if end < len(ARROW) or self._at(file, 0, len(ARROW)) != ARROW:
            raise ValueError("it does not begin with ARROW1")
        tail = self._at(file, end, self._n_bytes - end)
        if not tail.endswith(_END):
            raise ValueError("it does not end with ARROW1")
        (n_footer,) = _LENGTH.unpack_from(tail)
        return blocks_of(memoryview(self._at(file, end - n_footer, n_footer)))

    def _metadata_of(self, file: IO[bytes], block: Block) -> memoryview:
        """Read the metadata of a message, without what says how long they are."""
        metadata = self._at(file, block.offset, block.n_metadata)
        if block.n_body < 0 or block.offset + block.n_metadata + block.n_body > self._n_bytes:
            raise ValueError("a message lies outside the file")
        return memoryview(metadata)[8 if metadata.startswith(_CONTINUES) else 4 :]

    def _check_unpacked(self, file: IO[bytes], blocks: Sequence[Block]) -> None:
        """Raise an error before messages take more memory than the file justifies."""
        total = 0
        for block in blocks:
            start = block.offset + block.n_metadata

            def claimed(offset: int, start: int = start) -> int:
                value: int = struct.unpack("<q", self._at(file, start + offset, 8))[0]
                return value

            total += claimed_bytes(self._metadata_of(file, block), block.n_body, claimed)
            check_room(total, self._n_bytes, self._source)

    def _at(self, file: IO[bytes], offset: int, n_bytes: int) -> bytes:
        if offset < 0 or n_bytes < 0 or offset + n_bytes > self._n_bytes:
            raise ValueError("a message lies outside the file")
        file.seek(offset)
        content = file.read(n_bytes)
        if len(content) != n_bytes:
            raise ValueError("it ends too early")
        return content


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Turn an error of pyarrow, which says that a Feather file is damaged, into ours."""
    with translated(source, _WHAT):
        try:
            yield
        except struct.error as error:
            raise ValueError(*error.args) from None


def feather_schema(path: Path) -> Any:
    """Return the Arrow schema of a file.

    Raises
    ------
    MissingExtraError, FileFormatError
        If pyarrow is not installed, or cannot read the file.
    """
    source = str(path)
    check_installed(source, _WHAT)
    import pyarrow as pa

    with translate_os_errors(path, "read"), reading(source), pa.OSFile(source) as file:
        return pa.ipc.open_file(file).schema


def declares_classes(path: Path, column: str) -> bool:
    """Return whether a column is of a type for classes: texts, or a dictionary.

    So the reader of whole tables has it, whatever the texts look like.
    """
    import pyarrow as pa

    kind = feather_schema(path).field(column).type
    return pa.types.is_dictionary(kind) or is_text(kind)
