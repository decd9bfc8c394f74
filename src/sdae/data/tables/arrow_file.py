"""Parquet and Feather (Arrow IPC): tables of typed columns, read with pyarrow (extra ``tables``).

Parquet is read a column and a batch of rows at a time; an Arrow file is checked message by message
before it is unpacked. Axes: n rows.
"""

import base64
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import plain, quoted, reason
from sdae.data.bounds import check_columns, check_room
from sdae.data.tables.arrow_messages import unpacked_bytes
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.remarks import Remark, option
from sdae.data.tables.typed_texts import dates_of, without

PARQUET, ARROW, FEATHER_1 = b"PAR1", b"ARROW1\0\0", b"FEA1"
_BATCH_ROWS = 1 << 16
_BUFFER_BYTES = 1 << 16
_PER_CELL = 8
_SECONDS = 1e-6  # in a microsecond
_NAN = float("nan")


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
                kind = _kind(kinds[name])
                if kind is None:
                    remarks.append(_unsupported(name, str(kinds[name])))
                    continue
                values = _joined(self._parts(name, kind, options), kind)
                if len(values) != self.n_rows:
                    raise ValueError(f"{len(values)} rows instead of {self.n_rows}")
                declared = name in self._declared or name in options.categorical
                columns.append(
                    _column(name, kinds[name], kind, values, options, remarks, declared=declared)
                )
        except DataError:
            raise
        except self._faults as error:
            raise self._damaged(error) from None
        return columns

    # -- opening -----------------------------------------------------------------------------

    def _open_parquet(self) -> None:
        self._parquet = self._opened()
        metadata = self._parquet.metadata
        self._fields = list(self._parquet.schema_arrow)
        self._declared |= _dictionaries(metadata.metadata or {})
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
            buffer_size=_BUFFER_BYTES,
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
            self._fields = list(reader.schema)
            self._batches = list(reader)
        for batch in self._batches:
            batch.validate(full=True)
        self.n_rows = sum(batch.num_rows for batch in self._batches)

    # -- columns -----------------------------------------------------------------------------

    def _parts(self, name: str, kind: ColumnType, options: ReadOptions) -> Iterator[NDArray[Any]]:
        as_text = kind is ColumnType.TEXT or name in options.id
        for part in self._arrays(name, as_text):
            yield _texts(part) if kind is ColumnType.TEXT else _numbers(part)

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


def _dictionaries(metadata: dict[bytes, bytes]) -> set[str]:
    """Return the columns that were dictionaries before they were written as Parquet.

    pyarrow brings back dictionaries of texts only, but keeps the schema as it was.
    """
    import pyarrow as pa

    written = metadata.get(b"ARROW:schema")
    if written is None:
        return set()
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))
    return {field.name for field in schema if pa.types.is_dictionary(field.type)}


def _kind(kind: Any) -> ColumnType | None:
    """Return the type of a column's values, or None if a table has no such values."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_boolean(kind):
        return ColumnType.BOOLEAN
    if types.is_timestamp(kind) or types.is_date(kind):
        return ColumnType.DATE
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return ColumnType.TEXT
    is_number = (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_duration(kind)
        or types.is_null(kind)
    )
    return ColumnType.NUMBER if is_number else None


def _column(
    name: str,
    arrow_type: Any,
    kind: ColumnType,
    values: NDArray[Any],
    options: ReadOptions,
    remarks: list[Remark],
    *,
    declared: bool,
) -> RawColumn:
    import pyarrow as pa

    is_dictionary = pa.types.is_dictionary(arrow_type)
    declared = declared or (is_dictionary and kind is not ColumnType.DATE)
    if name in options.id:
        return _as_texts(name, kind, values)
    if kind is ColumnType.TEXT:
        for word in options.na_values:
            values[values == word] = None
    else:
        values = without(values, options) if kind is ColumnType.NUMBER else values
    if name in options.parse_dates and kind is not ColumnType.DATE:
        texts = _as_texts(name, kind, values).values.tolist()
        dates = dates_of(dict.fromkeys(text for text in texts if text is not None), name, remarks)
        if dates is not None:
            seconds = [_NAN if text is None else dates[text] for text in texts]
            return RawColumn(name, ColumnType.DATE, np.array(seconds, np.float64))
    value_type = arrow_type.value_type if is_dictionary else arrow_type
    return RawColumn(name, kind, values, declared, whole=pa.types.is_integer(value_type))


def _as_texts(name: str, kind: ColumnType, values: NDArray[Any]) -> RawColumn:
    """Return a column that names rows: texts as they are, whole numbers without a point."""
    texts = np.empty(len(values), object)
    for row, value in enumerate(values.tolist()):
        if _is_gap(value):
            continue
        if kind is ColumnType.DATE:
            value = np.datetime64(round(value * 1e6), "us")
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        texts[row] = str(value)
    return RawColumn(name, ColumnType.TEXT, texts)


def _joined(parts: Iterator[NDArray[Any]], kind: ColumnType) -> NDArray[Any]:
    empty = np.empty(0, object if kind is ColumnType.TEXT else np.float64)
    return np.concatenate([empty, *parts])


def _numbers(part: Any) -> NDArray[np.float64]:
    """Return numbers, booleans as 0 and 1, or dates as seconds since 1970, (rows,)."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(part.type):
        part = part.dictionary_decode()
    unit = 1.0
    if types.is_timestamp(part.type) or types.is_date(part.type):
        part = part.cast(pa.timestamp("us", getattr(part.type, "tz", None)), safe=False)
        part, unit = part.cast(pa.int64()), _SECONDS
    elif types.is_duration(part.type):
        part, unit = part.cast(pa.duration("us"), safe=False).cast(pa.int64()), _SECONDS
    numbers = part.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers * unit if unit != 1.0 else numbers, np.float64)


def _texts(part: Any) -> NDArray[Any]:
    """Return texts, (rows,), each different one stored once; None where missing."""
    import pyarrow as pa

    if not pa.types.is_dictionary(part.type):
        part = part.dictionary_encode()
    levels = np.empty(len(part.dictionary) + 1, object)
    levels[:-1] = part.dictionary.to_pylist()
    places = part.indices.cast(pa.int64()).fill_null(len(levels) - 1).to_numpy()
    found: NDArray[Any] = levels[places]
    return found


def _is_gap(value: Any) -> bool:
    return value is None or value != value


def _unsupported(name: str, kind: str) -> Remark:
    return Remark(
        name,
        "unsupported_type",
        f"Column {quoted(name)} is of type {plain(kind)}, which is neither numbers nor booleans, "
        "texts, categories or dates.",
        option("--drop", name),
        stops=True,
    )
