"""What both stages of the compiled engine share: memory, threads, and the frame of a slice."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.kernels.team import Steps, Team
from sdae.core.kinds.activations import Activation
from sdae.core.small_numbers import rounded_to_zero
from sdae.train.engines.compiled_memory import CompiledMemory
from sdae.train.engines.safeguard import SameParts, check_finite
from sdae.train.engines.slice_sizes import minibatch_parts_and_threads, samples_between_looks
from sdae.train.settings import FinetuningConfig, PretrainingConfig


class CompiledStage:
    """The parameters of a stage in the kernels' memory, and the team that runs its steps.

    Parameters
    ----------
    layers : sequence of (Tensor or None, Tensor)
        As for :class:`sdae.train.engines.compiled_memory.CompiledMemory`.
    module : nn.Module
        What is trained; its parameters stay the same ones.
    config : PretrainingConfig or FinetuningConfig
    activation : Activation
        Of the hidden units.
    n_rows, n_products : int
        Rows of the training set, and multiplications of each in a forward pass.
    """

    name = "compiled"

    def __init__(
        self,
        layers: Sequence[tuple[Tensor | None, Tensor]],
        module: nn.Module,
        config: PretrainingConfig | FinetuningConfig,
        activation: Activation,
        n_rows: int,
        n_products: int,
    ) -> None:
        batch_size = min(config.batch_size, n_rows)
        n_parts, n_threads = minibatch_parts_and_threads(n_products, batch_size)
        self._memory = CompiledMemory(layers, config, activation, batch_size, n_parts)
        self._parts = SameParts(module)
        self._team = Team(n_threads, rounded_to_zero)
        parameters = [part for layer in layers for part in layer if part is not None]
        self.slice_samples = samples_between_looks(parameters, config.batch_size)

    def state(self) -> dict[str, Tensor]:
        """Return the state of the optimiser."""
        return self._memory.kept()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of the optimiser."""
        self._memory.restore(state)

    def close(self) -> None:
        """End the threads."""
        self._team.close()

    def _run(
        self, steps: Steps, n_steps: int, samples: NDArray[np.int64], costs: NDArray[np.float64]
    ) -> float:
        """Run the steps of a slice on the parameters as they are; return the sum of its costs.

        `samples`, (m,), are those of the slice, `costs`, (m,), what the steps write.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the network's are then as before the slice.
        InvalidParameterError
            If a parameter of the network was replaced.
        """
        self._parts.check()
        self._memory.take()
        self._team.run_steps(steps, n_steps)
        check_finite(costs, samples, self._memory.state.parameters)
        self._memory.give()
        return float(costs.sum())
