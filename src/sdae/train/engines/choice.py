"""Choose the engine of a stage: by name, or with ``auto`` the first that supports it."""

import warnings
from collections.abc import Mapping
from typing import Protocol, assert_never

from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.corruption import Noise
from sdae.core.errors import invalid_parameter
from sdae.core.minibatches import Minibatches, n_batches
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.train.engines.closed_form import ClosedFormFinetuning, ClosedFormPretraining
from sdae.train.engines.consistency import ConsistencyFinetuning
from sdae.train.engines.support import (
    ENGINES,
    EngineName,
    Problem,
    finetuning_problem,
    misses_fused,
    pretraining_problem,
)
from sdae.train.processes.together import ALONE, Processes
from sdae.train.settings import FinetuningConfig, PretrainingConfig


class Engine(Protocol):
    """An object that trains on a slice of minibatches."""

    @property
    def name(self) -> str:
        """Name in the history."""
        ...

    @property
    def slice_samples(self) -> int:
        """About how many samples a slice should have."""
        ...

    @property
    def compiles(self) -> bool:
        """Whether it will first compile its kernels, which takes up to a minute."""
        ...

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor | float:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return its state between steps, for a checkpoint."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state.

        Raises
        ------
        LookupError, ValueError
            If the state is not of this engine.
        """
        ...

    def close(self) -> None:
        """End its threads."""
        ...


def pretraining_engine(
    autoencoder: DenoisingAutoencoder,
    rows: RowSource,
    noise: Noise,
    config: PretrainingConfig,
    seed: int,
    processes: Processes = ALONE,
) -> Engine:
    """Return the engine that trains one autoencoder, alone or together with other processes.

    Raises
    ------
    InvalidParameterError
        If the requested engine does not support the training.
    """
    match engine_of_pretraining(autoencoder, config, noise, processes.size):
        case "fused" if autoencoder.weight.is_cuda:
            from sdae.train.engines.cuda_nvidia import NvidiaDevice
            from sdae.train.engines.cuda_pretraining import CudaPretraining

            gpu = NvidiaDevice(autoencoder.weight.device)
            return CudaPretraining(autoencoder, rows, noise, seed, gpu)
        case "fused":
            from sdae.train.engines.fused_pretraining import FusedPretraining

            return FusedPretraining(autoencoder, rows, noise, seed)
        case "compiled":
            from sdae.train.engines.compiled_pretraining import CompiledPretraining

            return CompiledPretraining(autoencoder, rows, noise, config, seed)
        case "graph":
            from sdae.train.engines.graph_pretraining import GraphPretraining

            return GraphPretraining(autoencoder, rows, noise, config, seed)
        case "closed_form":
            return ClosedFormPretraining(autoencoder, rows, noise, config.batch_size, seed)
        case "autograd":
            return AutogradPretraining(autoencoder, rows, noise, config, seed, processes)
        case unknown:
            assert_never(unknown)


def finetuning_engine(
    stack: StackedDenoisingAutoencoder,
    rows: RowSource,
    y: Tensor,
    config: FinetuningConfig,
    seed: int,
    weights: Tensor | None = None,
    every: RowSource | None = None,
    processes: Processes = ALONE,
) -> Engine:
    """Return the engine that trains the network on targets `y`, with or without weights.

    `every` are all rows, the labelled ones first, where unlabelled rows are learned from too.

    Raises
    ------
    InvalidParameterError
        If the requested engine does not support the training.
    """
    match engine_of_finetuning(
        stack, config, weighted=weights is not None, n_processes=processes.size
    ):
        case "fused" if stack.head.weight.is_cuda:
            from sdae.train.engines.cuda_finetuning import CudaFinetuning
            from sdae.train.engines.cuda_nvidia import NvidiaDevice

            gpu = NvidiaDevice(stack.head.weight.device)
            return CudaFinetuning(stack, rows, y, config, seed, gpu)
        case "fused":
            from sdae.train.engines.fused_finetuning import FusedFinetuning

            return FusedFinetuning(stack, rows, y, config, seed)
        case "compiled":
            from sdae.train.engines.compiled_finetuning import CompiledFinetuning

            return CompiledFinetuning(stack, rows, y, config, seed, weights)
        case "graph":
            from sdae.train.engines.graph_finetuning import GraphFinetuning

            return GraphFinetuning(stack, rows, y, config, seed, weights)
        case "closed_form":
            return ClosedFormFinetuning(stack, rows, y, config, seed)
        case "autograd" if every is not None:
            n_updates = config.epochs * n_batches(len(every), config.batch_size, config.drop_last)
            return ConsistencyFinetuning(stack, every, y, config, seed, n_updates, weights)
        case "autograd":
            return AutogradFinetuning(stack, rows, y, config, seed, weights, processes)
        case unknown:
            assert_never(unknown)


def engine_of_pretraining(
    autoencoder: DenoisingAutoencoder,
    config: PretrainingConfig,
    noise: Noise,
    n_processes: int = 1,
) -> EngineName:
    """Return the name of the engine for training one autoencoder.

    Raises
    ------
    InvalidParameterError
        If the requested engine does not support the training.
    """
    return _chosen(pretraining_problem(autoencoder, config, noise, n_processes))


def engine_of_finetuning(
    stack: StackedDenoisingAutoencoder,
    config: FinetuningConfig,
    *,
    weighted: bool,
    n_processes: int = 1,
) -> EngineName:
    """Return the name of the engine for training the network, with or without weights.

    Raises
    ------
    InvalidParameterError
        If the requested engine does not support the training.
    """
    return _chosen(finetuning_problem(stack, config, weighted=weighted, n_processes=n_processes))


def takes_slices(
    autoencoder: DenoisingAutoencoder,
    config: PretrainingConfig,
    noise: Noise,
    n_processes: int = 1,
) -> bool:
    """Return whether the engine that trains an autoencoder takes the rows of a slice together."""
    problem = pretraining_problem(autoencoder, config, noise, n_processes)
    name = next((name for name in ENGINES if name == config.engine), None)
    return (name or _fastest(problem)) in ("fused", "compiled")


def _chosen(problem: Problem) -> EngineName:
    """Return the name of the engine for a stage.

    Raises
    ------
    InvalidParameterError
        If the requested engine does not support the training.
    """
    asked = next((name for name in ENGINES if name == problem.config.engine), None)
    if asked is not None:
        if reason := ENGINES[asked](problem):
            remedy = f"This engine cannot be used here: {reason}. Use 'auto'."
            raise invalid_parameter(
                "engine", problem.caller, "an engine that supports this training", asked, remedy
            )
        return asked
    name = _fastest(problem)
    if misses_fused(problem, name):
        warnings.warn(
            "Batch size 1 is slow without the fused engine, which cannot be used here: "
            f"{ENGINES['fused'](problem)}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return name


def _fastest(problem: Problem) -> EngineName:
    return next(name for name, lacks in ENGINES.items() if lacks(problem) is None)
