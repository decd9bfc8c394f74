"""What the parts of ``gpu.py`` share: the device, sizes, engines by name, clocks.

With ``--rehearse`` all runs on the CPU with tiny sizes: the steps of the graph engine are then done
one by one, and the fused engine is that of the CPU. It shows that the script itself is right.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder
from sdae.core.kinds.noises import parse_noise
from sdae.core.rows import TensorRows
from sdae.train.engines.choice import Engine, finetuning_engine, pretraining_engine
from sdae.train.engines.graph_finetuning import GraphFinetuning
from sdae.train.engines.graph_pretraining import GraphPretraining
from sdae.train.engines.player import EagerPlayer
from sdae.train.settings import FinetuningConfig, PretrainingConfig

Rows = NDArray[np.floating]
REPEATS = 5


class FailedError(Exception):
    """A part has found something wrong."""


class LeftOutError(Exception):
    """A part needs a library that is not installed."""


@dataclass(frozen=True)
class Bench:
    """Where the parts run."""

    rehearse: bool

    @property
    def device(self) -> torch.device:
        """The GPU, or the CPU for a rehearsal."""
        return torch.device("cpu" if self.rehearse else "cuda")

    def size(self, full: int, tiny: int) -> int:
        """Return a size: the full one, or a tiny one for a rehearsal."""
        return tiny if self.rehearse else full

    def rows(self, n: int, n_columns: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return rows in [0, 1], a third of them zeros."""
        x = np.random.default_rng(0).random((n, n_columns))
        x[x < 0.33] = 0
        return torch.from_numpy(x).to(dtype)

    def stack(self, n_visible: int, sizes: tuple[int, ...], **more: Any) -> Any:
        """Return a network whose head is not of zeros, on the CPU."""
        stack = StackedDenoisingAutoencoder(n_visible, sizes, **{"n_classes": 10, "seed": 3} | more)
        with torch.no_grad():
            torch.linspace(-0.5, 0.5, stack.head.weight.numel(), out=stack.head.weight.view(-1))
        return stack

    def pretraining(
        self, stack: Any, x: torch.Tensor, options: dict[str, Any], seed: int = 9
    ) -> Engine:
        """Return an engine for layer 0, by its name among the options."""
        layer = stack.autoencoder(0)
        device = layer.weight.device
        rows, config = TensorRows(x.to(device)), PretrainingConfig.read(options, "pretrain")
        noise = parse_noise(layer.corruption)
        if config.engine == "graph" and device.type == "cpu":
            return GraphPretraining(layer, rows, noise, config, seed, EagerPlayer())
        return pretraining_engine(layer, rows, noise, config, seed)

    def finetuning(
        self,
        stack: Any,
        x: torch.Tensor,
        y: torch.Tensor,
        options: dict[str, Any],
        weights: torch.Tensor | None = None,
        seed: int = 9,
    ) -> Engine:
        """Return an engine for the network, by its name among the options."""
        device = stack.head.weight.device
        rows, config = TensorRows(x.to(device)), FinetuningConfig.read(options, "finetune")
        y = y.to(device)
        weights = None if weights is None else weights.to(device)
        if config.engine == "graph" and device.type == "cpu":
            player = EagerPlayer()
            return GraphFinetuning(stack, rows, y, config, seed, weights, player)
        return finetuning_engine(stack, rows, y, config, seed, weights)

    def microseconds(self, work: Callable[[], object], n: int) -> dict[str, Any]:
        """Return the median time of one of `n` things that the work does, by CUDA events."""
        work()  # compiles, captures, warms up
        times = [self._timed(work) / n for _ in range(REPEATS)]
        middle = statistics.median(times)
        return {"microseconds": middle, "spread": (max(times) - min(times)) / middle}

    def _timed(self, work: Callable[[], object]) -> float:
        """Return the microseconds of the work."""
        if self.rehearse:
            start = time.perf_counter()
            work()
            return 1e6 * (time.perf_counter() - start)
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        first.record()
        work()
        last.record()
        torch.cuda.synchronize()
        return 1e3 * float(first.elapsed_time(last))

    def wait(self) -> None:
        """Wait for the GPU."""
        if not self.rehearse:
            torch.cuda.synchronize()


def farthest(one: Any, other: Any) -> float:
    """Return the largest difference of the parameters of two networks, relative to the largest."""
    return max(
        float((a.detach().cpu() - b.detach().cpu()).abs().max() / b.detach().abs().max().cpu())
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
        if float(b.detach().abs().max()) > 0
    )


def same_bytes(one: Any, other: Any) -> bool:
    """Return whether the parameters of two networks are the same."""
    return all(
        torch.equal(a.detach().cpu(), b.detach().cpu())
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )
