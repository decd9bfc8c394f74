"""A table with a column of each kind and gaps, and the kinds of files that hold it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.feather as pf


def people(n_rows: int = 50, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(170, 10, n_rows).round(2)
    since = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n_rows), "D")
    town = pd.Series(rng.choice(["Ghent", "Mons"], n_rows), dtype=object)
    return pd.DataFrame(
        {
            "size": np.where(rng.random(n_rows) < 0.2, np.nan, size),
            "count": rng.poisson(3, n_rows),
            "town": town.where(rng.random(n_rows) < 0.8, None),
            "smoker": rng.random(n_rows) < 0.3,
            "since": since,
            "name": [f"row {k}" for k in range(n_rows)],
            "class": np.where(size > 170, "tall", "short"),
        }
    )


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".csv.gz": lambda table, path: table.to_csv(path, index=False),
    ".tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    ".parquet": lambda table, path: table.to_parquet(path, index=False, row_group_size=17),
    ".feather": lambda table, path: pf.write_feather(
        pa.Table.from_pandas(table, preserve_index=False), path, chunksize=17
    ),
}
