"""Compile every kernel once, before tests that are traced would: tracing makes that slow.

``python -m tests.train.kernels.compile_all`` leaves them in the cache, where tests find them.
"""

import subprocess
import sys

import torch

from sdae import LadderNetwork, StackedDenoisingAutoencoder, finetune, pretrain, train_ladder
from sdae.core.inference import outputs
from sdae.core.kernels.presence import numba_fault
from tests.train.engines.engines import rows

TYPES = {"float32": torch.float32, "float64": torch.float64}


def compile_for(dtype: torch.dtype) -> None:
    """Train and answer a little, in both engines, tied and untied; a ladder in float32."""
    torch.set_num_threads(1)
    x = rows(30, 9, dtype)
    for tied in (True, False):
        stack = StackedDenoisingAutoencoder(9, (7,), 3, 0.2, tied=tied, dtype=dtype)
        pretrain(stack, x, epochs=1, learning_rate=0.01, engine="fused")
    pretrain(stack, x, epochs=1, batch_size=5, engine="compiled")
    labelled = x, torch.arange(30) % 3
    finetune(stack, labelled, None, epochs=1, engine="fused")
    finetune(stack, labelled, None, epochs=1, batch_size=5, engine="compiled")
    outputs(stack, rows(30, 9, torch.float32))
    if dtype is torch.float32:
        ladder, costs = LadderNetwork(9, (7,), 3), (1.0, 1.0, 1.0)
        train_ladder(ladder, labelled, n_updates=1, denoising_costs=costs, engine="compiled")


def main() -> None:
    """Compile for one type, or for all, each in a process of its own."""
    if numba_fault() is not None:
        return
    if len(sys.argv) > 1:
        compile_for(TYPES[sys.argv[1]])
        return
    command = [sys.executable, "-m", "tests.train.kernels.compile_all"]
    processes = [subprocess.Popen([*command, name]) for name in TYPES]
    sys.exit(max(process.wait() for process in processes))


if __name__ == "__main__":
    main()
