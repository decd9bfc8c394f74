"""Time the first steps in a new process; write JSON. 5 min on a quiet machine.

    python benchmarks/cold_start.py

Each figure is of a process of its own, on one thread: importing, the list of commands, and fits of
300 rows of 10 columns, with a cache of compiled kernels that is empty and with one that is filled.
Seconds are the processor's, medians of runs; kernels are compiled in one run only.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _machine import describe

PATH = Path(__file__).parent / "results" / "cold-start.json"
RUNS = 5
HELP = [sys.executable, "-m", "sdae", "--help"]
FITS = """
import time, warnings
warnings.simplefilter("ignore")
start = time.process_time()
from sdae import SDAEClassifier
imported = time.process_time() - start
import numpy as np
rng = np.random.default_rng(0)
x = rng.standard_normal((300, 10))
y = (x[:, 0] > 0).astype(int)
seconds = [imported]
for work in ("fit", "fit", "predict", "predict"):
    start = time.process_time()
    if work == "fit":
        model = SDAEClassifier(max_iter=20, random_state=0).fit(x, y)
    else:
        model.predict(x)
    seconds.append(time.process_time() - start)
print(*seconds)
"""
NAMES = ("import", "first fit", "second fit", "first predict", "second predict")


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as cache:
        cold = _figures(cache)
        warm = [_figures(cache) for _ in range(RUNS)]
    result = {
        "machine": describe(),
        "runs": RUNS,
        "help": statistics.median(_seconds_of(HELP) for _ in range(RUNS)),
        "empty_cache": cold,
        "filled_cache": {name: statistics.median(run[name] for run in warm) for name in NAMES},
    }
    PATH.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _figures(cache: str) -> dict[str, float]:
    """Return the seconds of a new process that imports, fits and predicts twice."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FITS]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return dict(zip(NAMES, map(float, said.stdout.split()), strict=True))


def _seconds_of(command: list[str]) -> float:
    """Return the processor's seconds of a command."""
    before = sum(os.times()[2:4])  # of children, the user's and the system's
    subprocess.run(command, check=True, capture_output=True)
    return sum(os.times()[2:4]) - before


if __name__ == "__main__":
    main()
