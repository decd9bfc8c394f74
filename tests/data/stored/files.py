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


def write_columns(path: Path, x: NDArray[Any], group: int = 4, **others: Any) -> None:
    columns = {f"c{place}": x[:, place] for place in range(x.shape[1])}
    pq.write_table(pa.table({**columns, **others}), path, row_group_size=group)


def write_lists(path: Path, x: NDArray[Any], group: int = 4, **others: Any) -> None:
    values = pa.array(np.ascontiguousarray(x).reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(values, x.shape[1])
    pq.write_table(pa.table({"rows": lists, **others}), path, row_group_size=group)
