"""Which engine runs a stage: ``auto`` takes the fastest that applies; a name asks for one."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from sdae.autoencoder import DenoisingAutoencoder
from sdae.config.training import FinetuningConfig, PretrainingConfig
from sdae.corruption import Noise
from sdae.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.rows import Minibatch, RowSource
from sdae.stack import StackedDenoisingAutoencoder


class Engine(Protocol):
    """Anything that trains on a slice of minibatches."""

    @property
    def name(self) -> str:
        """What the history calls it."""
        ...

    def train(self, minibatches: Sequence[Minibatch], epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar."""
        ...


def pretraining_engine(
    autoencoder: DenoisingAutoencoder,
    rows: RowSource,
    noise: Noise,
    config: PretrainingConfig,
    seed: int,
) -> Engine:
    """Return the engine that trains one autoencoder; autograd is the only one so far."""
    return AutogradPretraining(autoencoder, rows, noise, config, seed)


def finetuning_engine(
    stack: StackedDenoisingAutoencoder,
    rows: RowSource,
    labels: Tensor,
    config: FinetuningConfig,
    seed: int,
) -> Engine:
    """Return the engine that trains the network; autograd is the only one so far."""
    return AutogradFinetuning(stack, rows, labels, config, seed)
