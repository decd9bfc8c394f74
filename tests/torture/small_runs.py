"""Small runs that are killed: what they train, when to kill them, and what must be the same.

A run that was killed and has ended must have the bytes of one that was not.
"""

import json
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import make_blobs

from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import FileFormatError
from sdae.core.files import sha256
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints, stages_of

DAMAGED = "with a damaged checkpoint"
_TIMELESS = {"seconds": 0, "samples_per_second": 0}
OFTEN = ("--checkpoint-every=1steps", "--device=cpu")
_ADAM = {"optimizer": "adam", "engine": "autograd", "schedule": "linear", "shuffle": "true"}
_SETTINGS = {
    "pretraining.epochs": 2,
    "finetuning.epochs": 40,
    "finetuning.dropout": 0.2,
    "finetuning.input_dropout": 0.0,
    "finetuning.early_stopping": "true",
    "finetuning.patience_epochs": 4,
    "finetuning.patience_increase": 1.25,
}


class Variant(NamedTuple):
    """A small run of three layers and two slices an epoch."""

    n_rows: int  # of which 70 % are learned from
    n_visible: int
    hidden: str
    settings: Mapping[str, object]  # of both stages
    options: tuple[str, ...] = ()
    pictures: bool = False

    def command(self) -> list[str]:
        """Return the command line that trains it."""
        settings = {"model.hidden_layer_sizes": self.hidden, **_SETTINGS}
        for stage in ("pretraining", "finetuning"):
            settings |= {f"{stage}.{key}": value for key, value in self.settings.items()}
        overrides = [f"--set={name}={value}" for name, value in settings.items()]
        return ["train", "../rows.npz", "--out=run", *OFTEN, *self.options, *overrides]


_SMALL = {**_ADAM, "batch_size": 20, "learning_rate": 0.004}
_LARGE = {**_ADAM, "batch_size": 200, "learning_rate": 0.003}  # enough for torch to use both
_SIGMOID = "--set=model.activation=sigmoid"  # whose bytes depend on how many threads there are
_FUSED = {"engine": "fused", "optimizer": "sgd", "batch_size": 1, "learning_rate": 0.0005}
VARIANTS = {
    "autograd": Variant(860, 20, "[12,9,7]", _SMALL),
    "pictures": Variant(860, 20, "[12,9,7]", _SMALL, pictures=True),
    "fused": Variant(3600, 20, "[12,9,7]", {**_FUSED, "shuffle": "true"}),
    "threads": Variant(1140, 160, "[220,200,180]", _LARGE, (_SIGMOID, "--threads=2")),
}


class Unbroken(NamedTuple):
    """What a run is that was not killed."""

    outcome: Mapping[str, Any]
    seconds: float
    checkpoints: list[str]  # manifests

    @classmethod
    def of(cls, folder: Path, seconds: float) -> "Unbroken":
        """Look at a run that took some seconds."""
        outcome = outcome_of(folder)
        n_epochs = Counter(record["stage"] for record in outcome["history"])
        checkpoints = [
            f"run/checkpoints/{stage}-{number:06d}.json"
            for stage in n_epochs
            for number in range(1, 2 * n_epochs[stage] + 2)  # one a slice, one for the whole stage
        ]
        return cls(outcome, seconds, checkpoints)


def write_rows(path: Path, variant: Variant) -> None:
    """Write rows around four overlapping centres."""
    shape, spread = (variant.n_rows, variant.n_visible), 0.4 * variant.n_visible**0.5
    x, y = make_blobs(*shape, centers=4, cluster_std=spread, center_box=(-1.5, 1.5), random_state=0)
    np.savez(path, allow_pickle=False, x=x.astype(np.float32), y=y)


def instant(folder: Path, rng: random.Random, whole: Unbroken) -> tuple[str | None, float]:
    """Draw when to kill: some seconds after the start, or after a file is there."""
    kind = rng.random()
    if kind < 0.3:
        return None, rng.uniform(0, whole.seconds)
    if kind < 0.4:
        marker = rng.choice((".run.partial", "run/recipe.toml", "run/checkpoints"))
        return None if (folder / marker).exists() else marker, rng.uniform(0, whole.seconds / 100)
    ending = ("run/model.safetensors", "run/pretrained.safetensors", "run/manifest.json")
    markers = [*whole.checkpoints, *ending, *ending]
    there = [place for place, marker in enumerate(markers) if (folder / marker).exists()]
    chosen = rng.choice(markers[max(there, default=-1) + 1 :] or [None])
    return chosen, rng.uniform(0, whole.seconds / len(markers))


def place_of(run: RunFolder) -> str:
    """Tell how far a killed run had come."""
    if not run.path.exists():
        return "0 before the folder"
    if (run.path / "manifest.json").exists():
        return "6 after the manifest"
    if not (stages := stages_of(run.checkpoints)):
        return "1 before a checkpoint"
    files = StageCheckpoints(run.checkpoints, stages[0], 1)  # by name, fine-tuning comes first
    try:
        description, _ = files.read(files.numbers()[-1])
    except FileFormatError:
        return DAMAGED
    if description["complete"]:
        return "3 between the stages" if len(stages) == 1 else "5 while files are written"
    layer = description["place"]["layer"]
    return "4 fine-tuning" if layer is None else f"2 pre-training, layer {layer}"


def outcome_of(folder: Path) -> dict[str, Any]:
    """Return what must be the same of two runs: names, bytes, and the history but for the clock."""
    paths = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
    timed = ("history.jsonl", "manifest.json")
    same = {name: p for name, p in paths.items() if p.is_file() and p.name not in timed}
    files = {name: sha256(path.read_bytes()) for name, path in same.items()}
    lines = (folder / "run/history.jsonl").read_text().splitlines()
    history = [json.loads(line) | _TIMELESS for line in lines]
    return {"names": list(paths), "files": files, "history": history}


def differences(folder: Path, whole: Mapping[str, Any]) -> list[str]:
    """Return how a run differs from the unbroken one, and its manifest from its files."""
    run = RunFolder(folder / "run")
    if not run.finished:
        return ["it is not finished"]
    found = outcome_of(folder)
    problems = [f"another {part}" for part in ("history", "files") if found[part] != whole[part]]
    if names := set(found["names"]) ^ set(whole["names"]):
        problems.append(f"left behind or missing: {sorted(names)}")
    named = {f"run/{name}": entry["sha256"] for name, entry in run.manifest().items()}
    history = sha256((run.path / "history.jsonl").read_bytes())
    if named != {**found["files"], "run/history.jsonl": history}:
        problems.append("its manifest does not match its files")
    return problems
