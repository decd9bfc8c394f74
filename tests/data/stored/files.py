"""Files of rows for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sdae.core.minibatches import Minibatch


def picked(*samples: int) -> Minibatch:
    return Minibatch(np.array(samples, np.int64), None)


def span(start: int, stop: int) -> Minibatch:
    return Minibatch(np.arange(start, stop), slice(start, stop))


def columns_of(x: NDArray[Any], **others: Any) -> pa.Table:
    return pa.table({**{f"c{place}": x[:, place] for place in range(x.shape[1])}, **others})


def lists_of(x: NDArray[Any], **others: Any) -> pa.Table:
    values = pa.array(np.ascontiguousarray(x).reshape(-1))
    return pa.table({"rows": pa.FixedSizeListArray.from_arrays(values, x.shape[1]), **others})


def write_columns(path: Path, x: NDArray[Any], group: int = 4, **others: Any) -> None:
    write_table(path, columns_of(x, **others), group)


def write_lists(path: Path, x: NDArray[Any], group: int = 4, **others: Any) -> None:
    write_table(path, lists_of(x, **others), group)


def write_table(path: Path, table: pa.Table, group: int, packing: str | None = "lz4") -> None:
    """Write a table in groups, as Parquet or, by the suffix of the path, as Feather."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=group)
        return
    options = pa.ipc.IpcWriteOptions(compression=packing)
    with pa.ipc.new_file(path, table.schema, options=options) as file:
        file.write_table(table, max_chunksize=group)
