"""Flipped bits and cut ends of models, estimators and checkpoints: none may pass unnoticed.

``python -m tests.torture.flips [N] [SEED]`` damages N files and prints what came of it. A damage
follows from the seed and its number alone, so that one that fails can be made again.

``python -m tests.torture.flips child`` is the process in which the damaged files are read.
"""

import json
import logging
import random
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import sdae
from sdae.core.errors import SdaeError
from sdae.core.model_file import load_model, save_model
from sdae.core.tensor_file import write_tensors
from sdae.train.checkpoints.checkpoint_folder import Checkpoint, StageCheckpoints
from tests.torture.child import Child
from tests.torture.hostile_samples import (
    checkpoint_files,
    estimator_bytes,
    model_bytes,
    stack,
    train,
)
from tests.train.helpers import state_bytes

ESTIMATORS = ("SDAEClassifier", "SDAERegressor", "SDAEOutlierDetector", "SDAEImputer")
KINDS = ("model", *ESTIMATORS, "checkpoint")
Files = dict[str, bytes]


def run(n: int, seed: int) -> dict[str, Any]:
    """Damage `n` files in a child process, whose crash is a failure too.

    Returns
    -------
    dict
        How many were ``rejected`` with an error of ours or ``harmless``, and the ``failures``; also
        the first two for each kind of file.
    """
    counts: dict[str, Any] = {"rejected": 0, "harmless": 0, "failures": [], "kinds": {}}
    with Child("tests.torture.flips", "child") as child:
        for number in range(n):
            outcome, what = child.ask([seed, number]) or (child.end, damage(seed, number)[2])
            kind = counts["kinds"].setdefault(kind_of(seed, number), {"rejected": 0, "harmless": 0})
            if outcome in ("rejected", "harmless"):
                counts[outcome] += 1
                kind[outcome] += 1
            else:
                counts["failures"].append(f"seed {seed}, number {number}: {outcome}: {what}")
    return counts


def kind_of(seed: int, number: int) -> str:
    """Return what is damaged."""
    return random.Random(f"kind/{seed}/{number}").choice(
        (*KINDS[:1] * 3, *ESTIMATORS, *KINDS[-1:] * 3)
    )


def damage(seed: int, number: int) -> tuple[str, Files, str]:
    """Return a kind, its files with one of them damaged, and what was done."""
    rng = random.Random(f"flip/{seed}/{number}")
    kind = kind_of(seed, number)
    files = _good_files(kind, rng)
    name = rng.choice(sorted(files))
    good = files[name]
    if rng.random() < 0.2:
        length = rng.choice((rng.randrange(len(good)), len(good) - 1))
        return kind, files | {name: good[:length]}, f"{name} cut to {length} bytes"
    place = rng.randrange(8 * len(good))
    damaged = bytearray(good)
    damaged[place // 8] ^= 1 << place % 8
    return kind, files | {name: bytes(damaged)}, f"bit {place} of {name} flipped"


def _good_files(kind: str, rng: random.Random) -> Files:
    if kind == "checkpoint":
        return dict(checkpoint_files(rng.choice((1, 3))))  # one alone, or with two older ones
    return {"m": model_bytes() if kind == "model" else estimator_bytes(kind)}


class _Log(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a text."""
        self.texts.append(record.getMessage())


class _Reader:
    """Reads damaged files, and holds what is read against what was there before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = _Log()
        logging.getLogger("sdae").addHandler(self._log)
        whole = stack()
        train(whole, None)
        self._whole = state_bytes(whole)
        self._again = {
            kind: self._written(kind, _good_files(kind, random.Random())["m"])
            for kind in KINDS[:-1]
        }

    def judge(self, seed: int, number: int) -> tuple[str, str]:
        """Return what came of a damage, and what it was."""
        kind, files, what = damage(seed, number)
        try:
            same = self._trained(files) if kind == "checkpoint" else self._same(kind, files["m"])
        except SdaeError:
            return ("rejected" if len(files) < 3 else "no older checkpoint was used"), what
        except BaseException as error:
            return f"{type(error).__name__}: {error}"[:300], what
        return ("harmless" if same else "it was read, but is another"), what

    def _same(self, kind: str, content: bytes) -> bool:
        """Tell whether a damaged file makes the same as the good one: written again, it shows."""
        return self._written(kind, content) == self._again[kind]

    def _written(self, kind: str, content: bytes) -> bytes:
        path, again = self._folder / "read", self._folder / "written"
        path.write_bytes(content)
        if kind == "model":
            save_model(load_model(path), again)
        else:
            sdae.load(path).save(again)
        return again.read_bytes()

    def _trained(self, files: Files) -> bool:
        """Tell whether training goes on from a checkpoint that was written, to the same bytes."""
        self._log.texts.clear()
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            good = checkpoint_files(len(files) // 2)
            newest = max(file for file in good if file.endswith(".safetensors"))
            found = StageCheckpoints(folder, "pretraining", 3).newest()
            if found is None:
                return False
            write_tensors(folder / "used", found[1], found[0])
            used = (folder / "used").read_bytes()
            told = any("The next older checkpoint is used" in text for text in self._log.texts)
            if used not in good.values() or (used != good[newest] and not told):
                return False
            trained = stack()
            train(trained, Checkpoint(folder))
            return state_bytes(trained) == self._whole


def _child() -> None:
    """Answer requests, one a line: ``null`` when ready, ``[seed, number]`` with what came of it."""
    warnings.simplefilter("ignore")
    answers, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory(prefix="flips-") as folder:
        reader = _Reader(Path(folder))
        for line in sys.stdin:
            request = json.loads(line)
            answer = "ready" if request is None else reader.judge(*request)
            print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    counts = run(n, seed)
    print(f"{counts['rejected']:,} rejected, {counts['harmless']:,} proven harmless")
    print(counts["kinds"])
    for failure in counts["failures"]:
        print(f"  {failure}")
    sys.exit(bool(counts["failures"]))


if __name__ == "__main__":
    _child() if sys.argv[1:] == ["child"] else main()
