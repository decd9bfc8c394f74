"""What both stages of the compiled engine share: memory, threads, and the frame of a slice."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kernels.team import Steps, Team
from sdae.core.kinds.activations import Activation
from sdae.core.small_numbers import rounded_to_zero
from sdae.train.engines.compiled_memory import CompiledMemory
from sdae.train.engines.safeguard import check_finite
from sdae.train.engines.slice_sizes import minibatch_parts_and_threads, samples_between_looks
from sdae.train.settings import FinetuningConfig, PretrainingConfig


class CompiledStage:
    """The parameters of a stage in the kernels' memory, and the team that runs its steps.

    Parameters
    ----------
    layers : sequence of (Tensor or None, Tensor)
        As for :class:`sdae.train.engines.compiled_memory.CompiledMemory`.
    config : PretrainingConfig or FinetuningConfig
    activation : Activation
        Of the hidden units.
    n_products : int
        Multiplications of a row in a forward pass.
    """

    name = "compiled"

    def __init__(
        self,
        layers: Sequence[tuple[Tensor | None, Tensor]],
        config: PretrainingConfig | FinetuningConfig,
        activation: Activation,
        n_products: int,
    ) -> None:
        n_parts, n_threads = minibatch_parts_and_threads(n_products, config.batch_size)
        self._memory = CompiledMemory(layers, config, activation, n_parts)
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
        """
        self._memory.take()
        self._team.run_steps(steps, n_steps)
        check_finite(costs, samples, self._memory.state.parameters)
        self._memory.give()
        return float(costs.sum())
