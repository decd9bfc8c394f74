"""One of two processes on two hosts: it trains a case, or until it loses the other one.

``python -m tests.train.processes.on_a_host FILE NAME`` writes what it found.
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from sdae.train.callbacks import EpochEnded, Event
from sdae.train.processes import together
from tests.train.processes.cases import FLOAT32, pretrained
from tests.train.processes.ranks import Case, Found, found_by

SECONDS = 5
"""Longest wait for the other process, in place of minutes."""

LOST = ("lost in a step", "lost by who waits for the first")
_AS_LONG_AS_IT_TAKES = 1_000_000


def until_it_is_lost(marker: Path, pause: float) -> Found:
    """Train until the other process is lost; write a file once training is under way.

    The first process then does something alone for some seconds.
    """

    def tells(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.record.epoch == 3:
            marker.touch()
            time.sleep(pause)

    return pretrained(epochs=_AS_LONG_AS_IT_TAKES, callbacks=[tells])


def main(path: Path, name: str) -> None:
    """Train in the process group that the environment describes."""
    torch.set_num_threads(1)
    lost = partial(until_it_is_lost, path.with_suffix(".on"))
    pauses = dict(zip(LOST, (0, 4 * SECONDS), strict=True))
    cases: dict[str, Case] = {
        **FLOAT32,
        **{each: partial(lost, pause) for each, pause in pauses.items()},
    }
    if name in LOST:
        together.STEP_MINUTES = SECONDS / 60  # type: ignore[assignment] # whole elsewhere
    dist.init_process_group("gloo")
    try:
        found: Any = found_by(cases[name])
        np.savez(path, allow_pickle=False, **found)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
