"""How many passes over the rows large minibatches need to get as far as small ones; write JSON.

    python benchmarks/large_minibatches.py

Many processes need large minibatches, but these take fewer steps in a pass. MNIST's 50,000
training rows, 784-500-10: passes until the error on the 10,000 validation rows is at most 2.5 %
(fine-tuning without pre-training), and until the cross-entropy of reconstructing these rows is at
most 80 nats (pre-training with masking 0.3). The learning rate follows from the size: in proportion
for momentum, by the square root for Adam; that of 100 rows is the first. Three seeds; a training
that does not get there in 40 passes is given up, and larger minibatches are not tried where no seed
does. The test rows are not used.
"""

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _machine import describe

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import TrainingDivergedError
from sdae.data import load_mnist
from sdae.train.callbacks import EpochEnded, Event

PATH = Path(__file__).parent / "results" / "large-minibatches.json"
SIZES, SEEDS, MOST = (100, 400, 1600, 6400), (1, 2, 3), 40
V, H, CLASSES, ERROR, NATS = 784, 500, 10, 0.025, 80.0
RULES: dict[str, Callable[[int], dict[str, Any]]] = {
    "adam": lambda size: {"optimizer": "adam", "learning_rate": 0.001 * math.sqrt(size / 100)},
    "momentum": lambda size: {
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.05 * size / 100,
    },
}


def main() -> None:
    """Measure what is missing, and write."""
    torch.set_num_threads(1)
    logging.getLogger("sdae").setLevel(logging.ERROR)  # the doctor, on rates that are too high
    runs: list[dict[str, Any]] = json.loads(PATH.read_text())["runs"] if PATH.exists() else []
    stages = (
        ("fine-tuning", _to_the_error, tuple(RULES)),
        ("pre-training", _to_the_cost, ("adam",)),
    )
    for stage, passes, rules in stages:
        for rule in rules:
            for size in SIZES:
                key = {"stage": stage, "rule": rule, "batch_size": size}
                known = [run for run in runs if key.items() <= run.items()]
                if known and not any(known[0]["passes"]):
                    break
                if known:
                    continue
                found = [passes({**RULES[rule](size), "batch_size": size}, s) for s in SEEDS]
                runs.append({**key, "passes": found})
                print(runs[-1], flush=True)
                result = {"most": MOST, "runs": runs, "machine": describe()}
                PATH.write_text(json.dumps(result, indent=1) + "\n")
                if not any(found):
                    break


def _to_the_error(settings: dict[str, Any], seed: int) -> int | None:
    """Return the passes of fine-tuning until the validation error is low enough, or None."""
    train, held, _ = load_mnist()
    stack = StackedDenoisingAutoencoder(V, (H,), n_classes=CLASSES, seed=seed)

    def enough(event: Event) -> bool:
        if not isinstance(event, EpochEnded) or event.record.validation_error is None:
            return False
        return event.record.validation_error <= ERROR

    try:
        history = finetune(
            stack,
            (train.x, train.y),
            (held.x, held.y),
            epochs=MOST,
            shuffle=True,
            early_stopping=False,
            seed=seed,
            callbacks=[enough],
            **settings,
        )
    except TrainingDivergedError:
        return None
    last = history.records[-1]
    assert last.validation_error is not None
    return last.epoch if last.validation_error <= ERROR else None


def _to_the_cost(settings: dict[str, Any], seed: int) -> int | None:
    """Return the passes of pre-training until validation rows are reconstructed well, or None."""
    train, held, _ = load_mnist()
    rows = torch.from_numpy(held.x)
    stack = StackedDenoisingAutoencoder(V, (H,), corruption_levels=0.3, seed=seed)
    reached: list[int] = []

    def enough(event: Event) -> bool:
        if not isinstance(event, EpochEnded):
            return False
        with torch.no_grad():
            cost = float(stack.autoencoder(0).loss(rows).mean())
        if cost <= NATS:
            reached.append(event.record.epoch)
        return cost <= NATS

    try:
        pretrain(
            stack, train.x, epochs=MOST, shuffle=True, seed=seed, callbacks=[enough], **settings
        )
    except TrainingDivergedError:
        return None
    return reached[0] if reached else None


if __name__ == "__main__":
    main()
