"""Measure memory of commands on large tables with texts, dates and gaps; write JSON. 5 min.

    python benchmarks/tables_on_disk.py [--gigabytes 0.3] [--minutes 1]

A table of 10 columns of numbers with gaps, 2 of texts, a date, a truth value and a target, as
Parquet, beside one of 1,000 rows: the peaks of anonymous memory (RssAnon) of
``sdae train`` for one epoch of each stage, with labels and without, and of ``sdae predict`` of a
folder with the file, which stays on the disk. The size is that of the numbers in memory.
The files are written to a temporary folder and removed.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from _machine import describe
from rows_on_disk import peak_of

PATH = Path(__file__).parent / "results" / "tables-on-disk.json"
SMALL, BLOCK, NUMBERS = 1000, 100_000, 10
MEMORY = "100MB"
TRAIN, PRETRAIN = "train", "train without labels"
WORKS = {".parquet": (PRETRAIN, TRAIN, "predict")}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition(";")[0])
    parser.add_argument("--gigabytes", type=float, default=0.3)
    parser.add_argument("--minutes", type=float, default=1)
    given = parser.parse_args()
    n_rows = int(given.gigabytes * 1e9) // (8 * NUMBERS)
    with tempfile.TemporaryDirectory() as folder:
        works = [
            found for kind in WORKS for found in measured(Path(folder), kind, n_rows, given.minutes)
        ]
    result = {"machine": describe(), "memory": MEMORY, "numbers": NUMBERS, "works": works}
    PATH.write_text(json.dumps(result, indent=2) + "\n")


def measured(folder: Path, kind: str, n_rows: int, minutes: float) -> list[dict[str, Any]]:
    """Return the peaks of each kind of work on a large table, beside those on a small one."""
    files = {size: folder / str(size) / f"people{kind}" for size in (SMALL, n_rows)}
    for size, path in files.items():
        path.parent.mkdir(exist_ok=True)
        write(path, size)
    found = []
    for work in WORKS[kind]:
        peaks = {}
        for size, path in files.items():
            run = folder / f"run-{size}{kind}"
            shutil.rmtree(run, ignore_errors=True)
            command = ["sdae", "train", str(path), *TRAINING, "--out", str(run)]
            command += [
                "--scratch",
                str(folder),
                "--target" if work == TRAIN else "--drop",
                "class",
            ]
            if work == "predict":
                run = folder / f"model{kind}"
                command = ["sdae", work, str(run), str(path.parent), "-o", str(folder / "out.csv")]
            peaks[size] = peak_of(command, 10 if size == SMALL else minutes)
            if work == TRAIN and size == SMALL:
                run.rename(folder / f"model{kind}")
        large = files[n_rows].stat().st_size
        entry = {"kind": kind, "work": work, "rows": n_rows, "bytes": large}
        found.append({**entry, "small": peaks[SMALL]["peak"], **peaks[n_rows]})
        print(found[-1], flush=True)
    for path in files.values():
        path.unlink()
    return found


TRAINING = (
    *("--parse-dates", "since", "--recipe", "table", "--memory", MEMORY),
    *("--set", "model.hidden_layer_sizes=[32]", "--set", "pretraining.batch_size=1000"),
    *("--set", "pretraining.epochs=1", "--set", "finetuning.epochs=1"),
    *("--set", "finetuning.batch_size=1000", "--threads", "1"),
)


def write(path: Path, n_rows: int) -> None:
    """Write a table of some rows, a block at a time."""
    rng = np.random.default_rng(0)
    writer: Any = None
    for start in range(0, n_rows, BLOCK):
        block = table(rng, min(BLOCK, n_rows - start))
        if writer is None:
            kind = pq.ParquetWriter if path.suffix == ".parquet" else pc.CSVWriter
            writer = kind(path, block.schema)
        writer.write_table(block)
    writer.close()


def table(rng: np.random.Generator, n_rows: int) -> pa.Table:
    """Draw some rows."""
    x = rng.normal(size=(n_rows, NUMBERS))
    gaps = rng.random(x.shape) < 0.1
    columns: dict[str, Any] = {
        f"n{place}": pa.array(x[:, place], mask=gaps[:, place]) for place in range(NUMBERS)
    }
    towns = np.array([f"town {number}" for number in range(200)], object)
    columns["town"] = pa.array(towns[rng.integers(200, size=n_rows)])
    colours = np.array(["red", "green", "blue"], object)[rng.integers(3, size=n_rows)]
    columns["colour"] = pa.array(colours, mask=rng.random(n_rows) < 0.2)
    days = rng.integers(18_000, 20_000, size=n_rows).astype("datetime64[D]")
    columns["since"] = pa.array(days)
    columns["member"] = pa.array(rng.random(n_rows) < 0.3)
    columns["class"] = pa.array(np.where(x[:, 0] > 0, "high", "low").astype(object))
    return pa.table(columns)


if __name__ == "__main__":
    main()
