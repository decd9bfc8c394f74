"""Measure work on rows that stay on the disk; write JSON. Two hours, most of them for memory.

    python benchmarks/rows_on_disk.py [--part memory|speed] [--minutes 10]
        [--npy 5 100] [--parquet 5 20] [--work pre-training predict]

Two questions, each in processes of their own, on one thread, with 784 columns:

- memory: how much anonymous memory (RssAnon) training and the commands take on files of so many
  gigabytes, much larger than the memory for rows: the peak beside that on a small file, which
  holds the libraries and the network. NPY files are sparse. Parquet files have noise, which does
  not pack, in row groups of 50,000 rows: so they are first copied to the scratch folder. All work
  ends after some minutes, if it has not ended by itself. What was measured before is kept;
- speed: processor time a row of pre-training 784-500 beside the same rows in memory, with a file
  of 1 GB that is in the page cache, in turns, medians of the turns. A turn is as long as a window,
  with its decoding. Rows are read ahead in a second thread. What a second core gains is added up
  slice by slice, from the processor times of both threads: the wall clock would be that of a
  machine that others use too.

The files are written to a temporary folder and removed.
"""

import argparse
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from _machine import describe

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.data import DiskRows, convert, open_rows
from sdae.train.callbacks import SliceEnded

PATH = Path(__file__).parent / "results" / "rows-on-disk.json"
V, H, BATCH = 784, 500, 100
GROUP, LARGE_GROUP = 2048, 50_000
WORK = ("pre-training", "fine-tuning", "predict", "encode", "denoise")
WINDOW = 64 * GROUP
ROWS_IN_CACHE = (1 << 30) // (4 * V)
TURNS = 3


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition(";")[0])
    parser.add_argument("--part", choices=("memory", "speed"), help="measure one, keep the other")
    parser.add_argument("--minutes", type=float, default=10, help="the longest of each work")
    parser.add_argument("--npy", type=float, nargs="*", default=[5, 100], help="gigabytes")
    parser.add_argument("--parquet", type=float, nargs="*", default=[5, 20], help="gigabytes")
    parser.add_argument("--work", nargs="*", default=[*WORK], choices=WORK)
    parser.add_argument("--folder", type=Path, help="where the files are written")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("sdae").setLevel(logging.ERROR)  # the doctor, on rows without a meaning
    if given.train is not None:
        train(*given.train)
        return
    result = {
        **(json.loads(PATH.read_text()) if PATH.is_file() else {}),
        "machine": describe(),
        "columns": V,
        "hidden": H,
        "batch_size": BATCH,
        "shuffle_window": WINDOW,
        "rows_per_group": {"memory": LARGE_GROUP, "speed": GROUP},
    }
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        if given.part != "speed":
            sizes = {".npy": given.npy, ".parquet": given.parquet}
            measure_memory(Path(folder), sizes, given.work, given.minutes, result)
        if given.part != "memory":
            result["speed"] = speeds(Path(folder))
    PATH.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def measure_memory(
    folder: Path,
    sizes: dict[str, list[float]],
    names: list[str],
    minutes: float,
    result: dict[str, Any],
) -> None:
    """Add the peaks of memory of each kind of work, beside those on small files, to the result."""
    run, out = trained_run(folder), folder / "out.npy"
    work = dict(
        zip(
            WORK,
            (
                [sys.executable, __file__, "--train", "pretrain"],
                [sys.executable, __file__, "--train", "finetune"],
                ["sdae", "predict", str(run), "-o", str(folder / "out.csv")],
                ["sdae", "encode", str(run), "-o", str(out)],
                ["sdae", "denoise", str(run), "-o", str(out)],
            ),
            strict=True,
        )
    )
    kept = result.get("memory", [])
    found = {(case["kind"], case["gigabytes"], case["work"]): case for case in kept}
    for kind, gigabytes in [(name, size) for name in sizes for size in sizes[name]]:
        small, large = (folder / f"rows-{name}{kind}" for name in ("small", "large"))
        n_rows = int(gigabytes * 1e9) // (4 * V)
        write_rows(small, 10 * BATCH)
        write_rows(large, n_rows)
        for name in names:
            command = work[name]
            base = peak_of([*command, str(small)], minutes)
            peak = peak_of([*command, str(large)], minutes)
            found[kind, gigabytes, name] = {
                "kind": kind,
                "gigabytes": gigabytes,
                "work": name,
                "rows": n_rows,
                "small": base["peak"],
                **peak,
            }
            print(found[kind, gigabytes, name], flush=True)
            result["memory"] = list(found.values())
            PATH.write_text(json.dumps(result, indent=2) + "\n")
            out.unlink(missing_ok=True)
        large.unlink()


def write_rows(path: Path, n_rows: int) -> None:
    """Write a sparse NPY file of zeros, or a Parquet file of noise in large groups."""
    if path.suffix == ".npy":
        np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, V)).flush()
        return
    noise = np.random.default_rng(0).random((LARGE_GROUP, V), np.float32)
    rows = pa.FixedSizeListArray.from_arrays(pa.array(noise.ravel()), V)
    group = pa.Table.from_arrays([rows], ["rows"])
    with pq.ParquetWriter(path, group.schema, compression="none", use_dictionary=False) as file:
        for start in range(0, n_rows, LARGE_GROUP):
            file.write_table(group.slice(0, min(LARGE_GROUP, n_rows - start)))


def trained_run(folder: Path) -> Path:
    """Train 784-500-10 a little; return the folder of the run."""
    x = np.random.default_rng(0).random((10 * BATCH, V), dtype=np.float32)
    np.savez(folder / "labelled.npz", x=x, y=np.arange(len(x)) % 10)
    sizes = f"model.hidden_layer_sizes=[{H}]"
    command = ["sdae", "train", "labelled.npz", "--out", "run", "--recipe", "arrays"]
    command += ["--set", sizes, "--set", "pretraining.epochs=1", "--set", "finetuning.epochs=1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "run"


def peak_of(command: list[str], minutes: float) -> dict[str, Any]:
    """Run a command for some minutes at most; return the peak of its anonymous memory."""
    peak, start = 0, time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and time.perf_counter() - start < 60 * minutes:
            peak = max(peak, anonymous_memory(process.pid))
            time.sleep(0.02)
        done = process.poll() is not None
        process.kill()
        said = process.stderr.read() if process.stderr is not None else ""
    if done and process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    return {"peak": peak, "done": done, "seconds": time.perf_counter() - start}


def anonymous_memory(process: int) -> int:
    """Return the bytes of anonymous memory of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
    return next(found, 0)


def train(stage: str, path: str) -> None:
    """Train for an epoch: the small file for as many minibatches as it has."""
    rows = open_rows(path, scratch=Path(path).parent)
    stack = StackedDenoisingAutoencoder(V, (H,), decoder="linear", n_classes=10)
    settings: dict[str, Any] = {
        "epochs": 1,
        "batch_size": BATCH,
        "learning_rate": 0.001,
        "shuffle": True,
        "shuffle_window": WINDOW,
    }
    if stage == "pretrain":
        pretrain(stack, rows, **settings)
    else:
        finetune(stack, (rows, np.arange(len(rows)) % 10), None, **settings)


def speeds(folder: Path) -> dict[str, Any]:
    """Return microseconds a row by where the rows are, and the ratios to rows in memory."""
    npy, parquet, feather = (folder / f"rows.{end}" for end in ("npy", "parquet", "feather"))
    x = np.random.default_rng(0).random((ROWS_IN_CACHE, V), dtype=np.float32)
    np.save(npy, x)
    convert(npy, parquet, rows_per_group=GROUP)
    convert(npy, feather, rows_per_group=GROUP)
    columns = folder / "columns.parquet"
    table = pa.table({f"c{place}": x[:, place] for place in range(V)})
    pq.write_table(table, columns, row_group_size=GROUP, use_dictionary=False)
    npy.read_bytes()  # into the page cache
    sources: dict[str, Any] = {
        "array": x,
        ".npy": open_rows(npy),
        ".parquet": open_rows(parquet, memory=4 * V * WINDOW),
        ".feather": open_rows(feather, memory=4 * V * WINDOW),
        "columns": open_rows(columns, memory=4 * V * WINDOW),
    }
    turns: dict[str, list[list[float]]] = {name: [] for name in sources}
    seconds_of(x[: 4 * BATCH], 0)  # compiles
    for turn in range(TURNS):
        for name, rows in sources.items():
            turns[name].append(seconds_of(rows, turn))
    found: dict[str, Any] = {"rows": len(x), "bytes": npy.stat().st_size}
    for place, clock in enumerate(("processor", "second core", "wall")):
        medians = {
            name: statistics.median(turn[place] for turn in times) * 1e6
            for name, times in turns.items()
        }
        ratios = {name: medians["array"] / medians[name] for name in medians if name != "array"}
        found[clock] = {"microseconds": medians, "throughput": ratios}
    return found


def seconds_of(rows: Any, seed: int) -> list[float]:
    """Return the seconds that a row takes: of processor, with a second core, of the wall clock.

    They are taken from the first slice of a window to that of the next, so that what is done
    before an epoch does not count, and the decoding of a window does.
    """
    stack = StackedDenoisingAutoencoder(V, (H,), decoder="linear")
    marks: list[tuple[int, float, float, float]] = []

    def stop(event: object) -> bool:
        if not isinstance(event, SliceEnded):
            return False
        clocks = time.process_time(), time.thread_time(), time.perf_counter()
        marks.append((event.n_samples, *clocks))
        return event.n_samples >= marks[0][0] + WINDOW

    with reading_timed() as readings:
        pretrain(
            stack,
            rows,
            epochs=1,
            batch_size=BATCH,
            learning_rate=0.001,
            shuffle=True,
            shuffle_window=WINDOW,
            seed=seed,
            callbacks=[stop],
        )
    n_rows, cpu, _, wall = (b - a for a, b in zip(marks[0], marks[-1], strict=True))
    training = [b[2] - a[2] for a, b in pairwise(marks)]
    # While a slice is trained on, the next is read; it waits for the longer of both.
    reading = readings[1 : len(marks)] or [0.0] * len(training)
    pipeline = sum(map(max, training, reading))
    return [seconds / max(1, n_rows) for seconds in (cpu, pipeline, wall)]


@contextmanager
def reading_timed() -> Iterator[list[float]]:
    """Yield a list that gets the processor time of each block that is read ahead."""
    seconds: list[float] = []
    read = DiskRows._read

    def timed(rows: DiskRows, samples: Any) -> Any:
        start = time.thread_time()
        try:
            return read(rows, samples)
        finally:
            if threading.current_thread() is not threading.main_thread():
                seconds.append(time.thread_time() - start)

    setattr(DiskRows, "_read", timed)  # noqa: B010 - its types know no other method
    try:
        yield seconds
    finally:
        setattr(DiskRows, "_read", read)  # noqa: B010 - as above


if __name__ == "__main__":
    main()
