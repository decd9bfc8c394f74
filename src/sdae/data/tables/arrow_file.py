"""Parquet and Feather (Arrow IPC): tables of typed columns, read with pyarrow (extra ``tables``).

Parquet is read a column and a batch of rows at a time; an Arrow file is checked message by message
before it is unpacked. Axes: n rows.
"""

import base64
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import reason
from sdae.data.bounds import check_columns, check_room
from sdae.data.tables.arrow_columns import (
    column_of,
    joined,
    numbers_of,
    texts_of,
    type_of,
    unsupported,
)
from sdae.data.tables.arrow_messages import unpacked_bytes
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.remarks import Remark

PARQUET, ARROW, FEATHER_1 = b"PAR1", b"ARROW1\0\0", b"FEA1"
_BATCH_ROWS = 1 << 16
_PER_CELL = 8


class ArrowFile:
    """A Parquet or Feather file whose columns are known, and whose rows are not read yet.

    Parameters
    ----------
    content : bytes
    source : str
        What the file is called in messages.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileFormatError
        If the file is damaged, or would take too much memory.
    """

    def __init__(self, content: bytes, source: str) -> None:
        self._source, self._n_packed = source, len(content)
        try:
            import pyarrow as pa
        except ImportError:
            raise MissingExtraError(
                f"{source} is a Parquet or Feather file, and reading it needs pyarrow: pip install "
                '"sdae[tables]"'
            ) from None
        self._faults = (
            pa.ArrowException,
            OSError,
            ValueError,
            TypeError,
            LookupError,
            ArithmeticError,
            MemoryError,
            struct.error,
        )
        self._batches: Any = None
        self._metadata: Any = None
        self._declared: set[str] = set()
        self._content = pa.py_buffer(content)
        try:
            if content.startswith(PARQUET):
                self._open_parquet()
            else:
                self._open_arrow(pa)
            self.header = [field.name for field in self._fields]  # it may not be UTF-8
        except DataError:
            raise
        except self._faults as error:
            raise self._damaged(error) from None
        check_columns(len(self.header), source)

    def read(
        self, wanted: Sequence[str], options: ReadOptions, remarks: list[Remark]
    ) -> list[RawColumn]:
        """Read columns; those of types that a table does not have are left out with a remark.

        Raises
        ------
        DataError
            If there are no rows.
        FileFormatError
            If the file is damaged, or would take too much memory.
        """
        kinds = {field.name: field.type for field in self._fields}
        if not self.n_rows or not wanted:
            raise DataError(
                f"{self._source} is empty: it has {self.n_rows} rows and {len(wanted)} columns. "
                "Both must be at least 1."
            )
        self._check(self.n_rows * len(wanted) * _PER_CELL)
        columns = []
        try:
            for name in wanted:
                kind = type_of(kinds[name])
                if kind is None:
                    remarks.append(unsupported(name, str(kinds[name])))
                    continue
                values = joined(self._parts(name, kind, options), kind)
                if len(values) != self.n_rows:
                    raise ValueError(f"{len(values)} rows instead of {self.n_rows}")
                declared = name in self._declared or name in options.categorical
                columns.append(
                    column_of(name, kinds[name], kind, values, options, remarks, declared=declared)
                )
        except DataError:
            raise
        except self._faults as error:
            raise self._damaged(error) from None
        return columns

    def whole(self) -> Any:
        """Return all of the file as a table of pyarrow.

        Raises
        ------
        FileFormatError
            If the file is damaged.
        """
        import pyarrow as pa

        try:
            if self._batches is None:
                return self._parquet.read()
            return pa.Table.from_batches(self._batches, pa.schema(self._fields, self._metadata))
        except self._faults as error:
            raise self._damaged(error) from None

    # -- opening -----------------------------------------------------------------------------

    def _open_parquet(self) -> None:
        self._parquet = self._opened()
        metadata = self._parquet.metadata
        self._fields = list(self._parquet.schema_arrow)
        self._declared |= dictionaries_in(metadata.metadata or {})
        self.n_rows = metadata.num_rows
        groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
        self._check(sum(group.total_byte_size for group in groups))

    def _opened(self, **options: Any) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        return pq.ParquetFile(
            pa.BufferReader(self._content),
            page_checksum_verification=True,
            pre_buffer=False,
            **options,
        )

    def _open_arrow(self, pa: Any) -> None:
        """Read the batches, after adding up what their messages unpack to.

        The file is read as the stream that it contains: its footer may point elsewhere.
        """
        stream = self._content.slice(len(ARROW))
        total = 0
        messages = pa.ipc.MessageReader.open_stream(pa.BufferReader(stream))
        for message in _until_end(messages):
            body = memoryview(message.body) if message.body is not None else memoryview(b"")
            total += unpacked_bytes(memoryview(message.metadata), body)
            self._check(total)
        with pa.ipc.open_stream(pa.BufferReader(stream)) as reader:
            self._fields, self._metadata = list(reader.schema), reader.schema.metadata
            self._batches = list(reader)
        for batch in self._batches:
            batch.validate(full=True)
        self.n_rows = sum(batch.num_rows for batch in self._batches)

    # -- columns -----------------------------------------------------------------------------

    def _parts(self, name: str, kind: ColumnType, options: ReadOptions) -> Iterator[NDArray[Any]]:
        as_text = kind is ColumnType.TEXT or name in options.id
        for part in self._arrays(name, as_text):
            yield texts_of(part) if kind is ColumnType.TEXT else numbers_of(part)

    def _arrays(self, name: str, as_text: bool) -> Iterator[Any]:
        if self._batches is not None:
            place = self.header.index(name)
            yield from (batch.column(place) for batch in self._batches)
            return
        # As a dictionary, each text is stored once, not once per row.
        file = self._opened(read_dictionary=[name]) if as_text else self._parquet
        for batch in file.iter_batches(_BATCH_ROWS, columns=[name]):
            yield batch.column(0)

    def _check(self, n_bytes: int) -> None:
        check_room(n_bytes, self._n_packed, self._source)

    def _damaged(self, error: BaseException) -> FileFormatError:
        return FileFormatError(
            f"{self._source} is not a Parquet or Feather file, or is damaged: {reason(error)}. "
            "Save it again."
        )


def _until_end(messages: Any) -> Iterator[Any]:
    while True:
        try:
            yield messages.read_next_message()
        except StopIteration:
            return


def dictionaries_in(metadata: dict[bytes, bytes]) -> set[str]:
    """Return the columns that were dictionaries before they were written as Parquet.

    pyarrow brings back dictionaries of texts only, but keeps the schema as it was.
    """
    import pyarrow as pa

    written = metadata.get(b"ARROW:schema")
    if written is None:
        return set()
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))
    return {field.name for field in schema if pa.types.is_dictionary(field.type)}
