"""The memory of a long run: what is anonymous of it must not grow with the number of epochs.

``python -m tests.torture.memory [N_EPOCHS] [ENGINE ...]`` trains a run with a checkpoint after
every epoch, and measures from epoch 50 to the last of the first layer and of fine-tuning.
"""

import ctypes
import gc
import json
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from sdae.app.recipes import load_recipe
from sdae.app.runs.lifecycle import new_run
from sdae.app.runs.live_history import LiveHistory
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_recipe import build_stack, run_recipe
from sdae.train.callbacks import EpochEnded, Event
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from tests.torture.saves import in_new_process
from tests.torture.small_runs import VARIANTS, write_rows

MOST_GROWTH = 2 << 20
_FIRST = 50
_BATCH_SIZES = {"autograd": 20, "fused": 1}


class Watch:
    """A callback that notes the anonymous memory after each epoch, by stage and layer."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.n_bytes: dict[tuple[str, int | None], list[int]] = {}

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if not isinstance(event, EpochEnded):
            return
        sizes = self.n_bytes.setdefault((event.record.stage, event.record.layer), [])
        if len(sizes) + 1 in (_FIRST, self._last):
            give_back_what_is_free()
        sizes.append(anonymous_bytes())


def give_back_what_is_free() -> None:
    """Return free memory to the system, where that can be asked: a leak could hide in it."""
    gc.collect()
    if hasattr(library := ctypes.CDLL(None), "malloc_trim"):  # glibc
        library.malloc_trim(0)


def anonymous_bytes() -> int:
    """Return the resident memory of this process that belongs to no file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return int(sizes["RssAnon"].split()[0]) << 10


def memory(n_epochs: int = 200, engine: str = "autograd", *, flush: bool = True) -> dict[str, Any]:
    """Train with an engine; return by how many bytes each stage grew, and failures.

    Without `flush` nothing waits for the disk.
    """
    return in_new_process(_measure, n_epochs, engine, flush)


def _measure(n_epochs: int, engine: str, flush: bool) -> dict[str, Any]:
    torch.set_num_threads(1)
    watch = Watch(n_epochs)
    unflushed = nullcontext() if flush else patch("os.fsync", lambda _: None)
    with tempfile.TemporaryDirectory() as made, unflushed:
        data = Path(made) / "rows.npz"
        write_rows(data, VARIANTS["autograd"]._replace(n_rows=430))
        recipe = load_recipe("arrays", _settings(data, n_epochs, engine))
        prepared = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
        stack = build_stack(recipe, prepared)
        with new_run(Path(made) / "run", recipe) as run:
            checkpoint = Checkpoint(run.checkpoints, "1epoch")
            callbacks = (LiveHistory(run), watch)
            run_recipe(recipe, prepared, stack, checkpoint=checkpoint, callbacks=callbacks)
    grown = {
        f"{stage}, layer {layer}" if layer is not None else stage: sizes[-1] - sizes[_FIRST - 1]
        for (stage, layer), sizes in watch.n_bytes.items()
        if len(sizes) == n_epochs
    }
    failures = [f"{part} grew by {n:,} bytes" for part, n in grown.items() if n > MOST_GROWTH]
    failures += [] if len(grown) == 2 else [f"measured were {sorted(grown)}"]
    whole = max(map(max, watch.n_bytes.values()))
    return {"engine": engine, "KiB grown": {part: n >> 10 for part, n in grown.items()}} | {
        "MiB at most": whole >> 20,
        "failures": failures,
    }


def _settings(data: Path, n_epochs: int, engine: str) -> list[str]:
    both = {"engine": engine, "batch_size": _BATCH_SIZES[engine], "learning_rate": 0.001}
    both |= {"optimizer": "sgd"} if engine == "fused" else {}
    return [
        f"data.source={json.dumps(str(data))}",
        "model.hidden_layer_sizes=[12,9]",
        f"pretraining.epochs=[{n_epochs},2]",
        f"finetuning.epochs={n_epochs}",
        *(
            f"{stage}.{key}={v}"
            for stage in ("pretraining", "finetuning")
            for key, v in both.items()
        ),
    ]


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    n_epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    results = [memory(n_epochs, engine) for engine in sys.argv[2:] or _BATCH_SIZES]
    print(json.dumps(results, indent=1))
    sys.exit(any(result["failures"] for result in results))


if __name__ == "__main__":
    main()
