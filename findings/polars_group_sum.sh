#!/usr/bin/env bash
# polars sums the values of a group one after the other in their own type, and large sums stop growing.
#
# Seen with polars 2.1.0, NumPy 2.4.6 on Linux x86-64, one thread. df.group_by("g").agg(pl.col("x").sum())
# is not df.filter(...)["x"].sum(), nor the sum over("g"), nor the mean of the group times its length:
# those are right to the last digits. Brightness from 0 to 1, uniform, in one group:
#
#                                 group_by, sum     its error     the others' error, at most
#     Float16,     10,000 rows            2,048         -59 %             1e-4
#     Float32,  1,000,000 rows          500,369          2e-6             2e-8
#     Float32, 40,000,000 rows       16,777,216         -16 %             2e-8
#
# The eager, the lazy and the streaming way, SQL and maintain_order=True give this, without a warning.
# From 2**24 on a float32 does not grow by numbers below 1, from 2048 on a float16 neither. After sort("g"), or
# where the groups are otherwise known to be sorted, the sum is right. With two threads each sums a part of
# the rows, and the sum of the 40,000,000 is another from call to call, by some 1e-5. The documentation of
# sum says that small integers are summed as Int64 "to prevent overflow issues", and nothing of floats.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet polars==2.1.0 numpy==2.4.6
POLARS_MAX_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import platform
import warnings

import numpy as np
import polars as pl

print(f"Python {platform.python_version()}, polars {pl.__version__}, NumPy {np.__version__}")
print(f"{pl.thread_pool_size()} thread")
warnings.simplefilter("error")  # a warning of polars would end this
VALUES = pl.col("x")
SUM = VALUES.sum().alias("s")


def by_group(frame):
    """Return what each way of summing a group answers."""
    lazy = frame.lazy().group_by("g").agg(SUM)
    answers = {
        "eager": frame.group_by("g").agg(SUM),
        "maintain_order": frame.group_by("g", maintain_order=True).agg(SUM),
        "lazy": lazy.collect(),
        "streaming": lazy.collect(engine="streaming"),
        "SQL": frame.sql("select g, sum(x) as s from self group by g"),
    }
    return {name: answer["s"].item() for name, answer in answers.items()}


def otherwise(frame):
    mean = frame.group_by("g").agg(VALUES.mean().alias("mean"))["mean"].item()
    return {
        "filter": frame.filter(pl.col("g") == 0)["x"].sum(),
        "over": frame.select(VALUES.sum().over("g"))["x"][0],
        "mean times length": mean * len(frame),
        "sorted": frame.sort("g").group_by("g").agg(SUM)["s"].item(),
    }


changed = []
random = np.random.default_rng(0)
for kind, n_rows, least, most, near in (
    (pl.Float16, 10_000, 0.5, 0.9, 2e-3),
    (pl.Float32, 1_000_000, 5e-7, 1e-4, 2e-7),
    (pl.Float32, 40_000_000, 0.1, 0.3, 2e-7),
):
    column = pl.Series("x", random.random(n_rows, dtype=np.float32)).cast(kind)
    exact = column.cast(pl.Float64).sum()
    frame = pl.DataFrame({"g": np.zeros(n_rows, np.int8), "x": column})
    for ways, low, high in ((by_group(frame), least, most), (otherwise(frame), 0, near)):
        for name, answer in ways.items():
            error = answer / exact - 1
            print(f"{kind}, {n_rows:,} rows, {name}: {answer:,.1f}, off by {error:.1e}")
            if not low <= abs(error) <= high:
                changed.append(f"{kind} of {n_rows} rows, {name}")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
