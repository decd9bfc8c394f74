"""Which engine runs a stage: ``auto`` takes the fastest that applies; a name asks for one."""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

from torch import Tensor

from sdae.autoencoder import DenoisingAutoencoder
from sdae.config.training import FinetuningConfig, PretrainingConfig
from sdae.corruption import Noise
from sdae.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.errors import invalid_parameter
from sdae.rows import Minibatch, RowSource
from sdae.stack import StackedDenoisingAutoencoder


class Engine(Protocol):
    """Anything that trains on a slice of minibatches."""

    @property
    def name(self) -> str:
        """What the history calls it."""
        ...

    @property
    def slice_samples(self) -> int:
        """About how many samples to hand it at once."""
        ...

    @property
    def compiles(self) -> bool:
        """Whether it will first compile its kernels, which takes some seconds."""
        ...

    def train(self, minibatches: Sequence[Minibatch], epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar."""
        ...

    def close(self) -> None:
        """Let go of threads."""
        ...


def pretraining_engine(
    autoencoder: DenoisingAutoencoder,
    rows: RowSource,
    noise: Noise,
    config: PretrainingConfig,
    seed: int,
) -> Engine:
    """Return the engine that trains one autoencoder.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    if _takes_fused(config, autoencoder.weight, None, "pretrain"):
        from sdae.engines.fused_pretraining import FusedPretraining

        return FusedPretraining(autoencoder, rows, noise, seed)
    return AutogradPretraining(autoencoder, rows, noise, config, seed)


def finetuning_engine(
    stack: StackedDenoisingAutoencoder,
    rows: RowSource,
    labels: Tensor,
    config: FinetuningConfig,
    seed: int,
) -> Engine:
    """Return the engine that trains the network.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    if _takes_fused(config, stack.head.weight, config.max_norm, "finetune"):
        from sdae.engines.fused_finetuning import FusedFinetuning

        return FusedFinetuning(stack, rows, labels, config, seed)
    return AutogradFinetuning(stack, rows, labels, config, seed)


def _takes_fused(
    config: PretrainingConfig | FinetuningConfig,
    weight: Tensor,
    max_norm: float | None,
    caller: str,
) -> bool:
    """Tell whether the fused engine is to run a stage."""
    if config.engine == "autograd":
        return False
    obstacle = _obstacle(config, weight, max_norm)
    if obstacle is None and find_spec("numba") is None:
        obstacle = "numba is not installed"
        if config.engine == "auto":
            warnings.warn(
                "Batch size 1 is slow here: numba, which compiles the fast kernels, is not "
                "installed. Where there is a numba for this Python: pip install numba",
                RuntimeWarning,
                stacklevel=2,
            )
    if obstacle is not None and config.engine == "fused":
        raise invalid_parameter(
            "engine", caller, "one that applies", "fused", f"It does not: {obstacle}. Use 'auto'."
        )
    return obstacle is None


def _obstacle(
    config: PretrainingConfig | FinetuningConfig, weight: Tensor, max_norm: float | None
) -> str | None:
    """Return what keeps the fused engine from running a stage, or None."""
    if config.batch_size != 1:
        return f"it does one sample a step, and batch_size is {config.batch_size}"
    if config.optimizer != "sgd" or config.momentum:
        return "it does plain gradient descent, without momentum or adaptive rates"
    if config.weight_decay or max_norm is not None:
        return "it has no weight_decay and no max_norm, which touch every weight at every step"
    if weight.device.type != "cpu":
        return f"it runs on the CPU, and the network is on {weight.device}"
    return None
