"""Damaged data files in numbers: each must be loaded, or refused in words, in time and in bounds.

``python -m tests.torture.mutations [N] [SEED] [FORMAT ...]`` loads N mutations of each format, then
the heavy cases, and prints what came of them. A mutation follows from its format, the seed and its
number alone, so that one that fails can be made again: ``case(format, seed, number)``.
"""

import contextlib
import gzip
import io
import json
import random
import selectors
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.torture import crafted_arrays, crafted_pickles, crafted_tables
from tests.torture.byte_damage import damage
from tests.torture.outcome import Outcome
from tests.torture.sample_files import FORMATS, Files, Sample, pack, samples, zipped

_PATIENCE = 60.0  # seconds of the clock, after which a case counts as hanging
_CRAFTED: Mapping[str, Callable[[random.Random], Sample]] = {
    "csv": crafted_tables.csv,
    "csv.gz": crafted_tables.csv_gz,
    "parquet": crafted_tables.parquet_file,
    "npz": crafted_arrays.npz_file,
    "npy": crafted_arrays.npy_file,
    "idx": crafted_arrays.idx_folder,
    "idx.gz": crafted_arrays.idx_gz_folder,
    "pickle": crafted_pickles.pickle_file,
}
_HEAVY: Mapping[str, Callable[[], Mapping[str, Callable[[], bytes | Files]]]] = {
    "csv": crafted_tables.heavy_csv,
    "csv.gz": crafted_tables.heavy_csv_gz,
    "parquet": crafted_tables.heavy_parquet,
    "npz": crafted_arrays.heavy_npz,
    "npy": crafted_arrays.heavy_npy,
    "idx": crafted_arrays.heavy_idx,
    "idx.gz": crafted_arrays.heavy_idx_gz,
    "pickle": crafted_pickles.heavy_pickle,
}


@dataclass(frozen=True)
class Row:
    """What came of one case: a mutation by its number, or a heavy case by its name."""

    format: str
    case: str
    outcome: Outcome


def case(name: str, seed: int, number: int) -> Sample:
    """Return a mutation of a format."""
    rng = random.Random(f"{name}/{seed}/{number}")
    if rng.random() < 0.35:
        return _CRAFTED[name](rng)
    sample = rng.choice(samples(name))
    other = rng.choice(samples(name))
    file = rng.choice(sorted(sample.files))
    spliced = other.files[rng.choice(sorted(other.files))]
    content = sample.files[file]
    if content[:2] == b"\x1f\x8b" and rng.random() < 0.7:
        other_content = gzip.decompress(spliced) if spliced[:2] == b"\x1f\x8b" else spliced
        return sample.with_file(file, pack(damage(rng, gzip.decompress(content), other_content)))
    if name == "npz" and rng.random() < 0.5:
        return sample.with_file(file, _with_damaged_member(rng, content, spliced))
    return sample.with_file(file, damage(rng, content, spliced))


def _with_damaged_member(rng: random.Random, content: bytes, other: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = rng.choice(sorted(members))
    members[chosen] = damage(rng, members[chosen], other)
    return zipped(members)


def heavy_cases(name: str) -> Iterator[tuple[str, Sample]]:
    """Yield the heavy cases of a format, made one at a time."""
    for title, make in _HEAVY[name]().items():
        made = make()
        if isinstance(made, bytes):
            ending = {"pickle": "pkl.gz"}.get(name, name)
            made = {f"rows.{ending}": made}
        assert max(map(len, made.values())) < 17 << 20, f"{title} is no file of 16 MiB"
        target = "y" if name in ("csv", "parquet") and _has_labels(title, made) else None
        yield title, Sample(made, "" if name.startswith("idx") else next(iter(made)), target)


def _has_labels(title: str, files: Files) -> bool:
    return any(b"y" in content[:6] for content in files.values()) or title.startswith("labels")


def run(
    n_per_format: int, seed: int, formats: Sequence[str] = FORMATS, *, heavy: bool = False
) -> list[Row]:
    """Load `n_per_format` mutations of each format in a child process, and the heavy cases too."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, Child() as child:
        for name in formats:
            cases: Iterator[tuple[str, Sample]] = (
                (str(number), case(name, seed, number)) for number in range(n_per_format)
            )
            for title, sample in cases:
                rows.append(Row(name, title, child.load(sample, Path(folder))))
            for title, sample in heavy_cases(name) if heavy else ():
                rows.append(Row(name, title, child.load(sample, Path(folder))))
    return rows


class Child:
    """A process that loads files; when it crashes or hangs, that is told and it is begun anew."""

    def __init__(self) -> None:
        self.process = self._start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def load(self, sample: Sample, folder: Path) -> Outcome:
        """Write the files of a sample into `folder`, and let the child load them."""
        for path in folder.iterdir():
            path.unlink()
        for name, content in sample.files.items():
            (folder / name).write_bytes(content)
        request = json.dumps([str(folder / sample.name), sample.target])
        answer = self._ask(request)
        if answer:
            return Outcome(**json.loads(answer))
        status = self._stop()
        self.process = self._start()
        return Outcome("failed", f"the process ended with status {status}, or hung")

    def _ask(self, request: str) -> str:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone; there will be no answer
            stdin.write(request + "\n")
            stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            return stdout.readline() if selector.select(_PATIENCE) else ""

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.torture.outcome"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def _stop(self) -> int:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    formats = sys.argv[3:] or FORMATS
    failures = 0
    for name in formats:
        rows = run(n, seed, [name], heavy=True)
        results = [row.outcome.result for row in rows]
        slowest = max(rows, key=lambda row: row.outcome.seconds)
        largest = max(rows, key=lambda row: row.outcome.n_bytes)
        print(
            f"{name:8} loaded {results.count('loaded'):5} refused {results.count('refused'):5} "
            f"failed {results.count('failed'):5}; slowest {slowest.outcome.seconds:.2f} s "
            f"({slowest.case}), largest {largest.outcome.n_bytes >> 20} MiB ({largest.case})",
            flush=True,
        )
        for row in rows:
            if row.outcome.result == "failed":
                print(f"  {row.case}: {row.outcome}", flush=True)
        failures += results.count("failed")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
