"""The memory of the compiled engine: a network's parameters and what its optimiser keeps of them.

The kernels work on padded, aligned copies of the parameters, which are taken before each slice and
written back after it. So a caller may assign parameters between slices, and a slice that ends with
numbers that are not finite does not change the parameters. What the optimiser keeps stays here, and
is given to checkpoints in the form that PyTorch's optimiser has: so engines can follow each other.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kinds.activations import Activation
from sdae.train.engines.optimizer_state import Progress, checked_state
from sdae.train.kernels.minibatch import rules
from sdae.train.kernels.minibatch.memory import plan_of, state_of
from sdae.train.settings import FinetuningConfig, PretrainingConfig

Flat = NDArray[np.floating]


class CompiledMemory:
    """Parameters, moments and settings of updates of some layers, one above the other.

    Parameters
    ----------
    layers : sequence of (Tensor or None, Tensor)
        Weight (units, inputs) and bias of each layer; no weight where the second of two layers has
        that of the first, transposed.
    config : PretrainingConfig or FinetuningConfig
    activation : Activation
    batch_size : int
        Rows of a minibatch, at most.
    n_parts : int
        Into how many parts the units are cut.

    Attributes
    ----------
    plan, state : Plan, State
        For the kernels.
    rule : int
    settings : ndarray of float64
        The rule of updates, and what its optimiser is set to.
    """

    def __init__(
        self,
        layers: Sequence[tuple[Tensor | None, Tensor]],
        config: PretrainingConfig | FinetuningConfig,
        activation: Activation,
        batch_size: int,
        n_parts: int,
    ) -> None:
        self._config = config
        first = layers[0][0]
        assert first is not None
        self._kind = first.detach().numpy().dtype
        sizes = [first.shape[1], *(len(bias) for _, bias in layers)]
        tied = any(weight is None for weight, _ in layers)
        self.plan = plan_of(sizes, batch_size, n_parts, self._kind, tied=tied)
        facts = config.optimizer.facts
        means = facts.means if facts.squares or config.momentum else None
        n_kept = 2 if facts.squares else 1 if means else 0
        keeps_slopes = not activation.facts.slope_follows
        self.state = state_of(self.plan, n_kept, self._kind, with_slopes=keeps_slopes)
        self.rule = facts.kernel
        self.settings = np.array(
            [config.momentum, config.nesterov, config.beta_1, config.beta_2, config.epsilon]
        )
        self._progress = Progress()
        # Weights come first, as in PyTorch's optimisers: the layer of each, and whether it is one.
        self._places = [(k, True) for k, (weight, _) in enumerate(layers) if weight is not None]
        self._places += [(k, False) for k in range(len(layers))]
        self._outside = [weight for weight, _ in layers if weight is not None]
        self._outside += [bias for _, bias in layers]
        self._inside = [self._view(self.state.parameters, place) for place in self._places]
        self._found = [parameter.detach() for parameter in self._outside]
        self._arrays = [tensor.numpy() for tensor in self._found]

    def take(self) -> None:
        """Copy the parameters from the network."""
        if not all(map(Tensor.is_set_to, self._found, self._outside)):  # a caller assigned data
            self._found = [parameter.detach() for parameter in self._outside]
            self._arrays = [tensor.numpy() for tensor in self._found]
        for inside, outside in zip(self._inside, self._arrays, strict=True):
            inside[...] = outside

    def give(self) -> None:
        """Copy the parameters to where they were taken from."""
        for inside, outside in zip(self._inside, self._arrays, strict=True):
            outside[...] = inside

    def coefficients(self, rate: float, n_steps: int) -> NDArray[np.float64]:
        """Return what is the same for all parameters of the next steps, (n_steps, 4).

        They count as done.
        """
        result = np.empty((n_steps, 4))
        progress = self._progress
        progress.product = rules.coefficients(
            self.rule,
            self.settings,
            rate,
            self._config.weight_decay,
            progress.n_updates,
            progress.product,
            result,
        )
        progress.n_updates += n_steps
        return result

    def kept(self) -> dict[str, Tensor]:
        """Return what the optimiser keeps, as PyTorch names it; nothing before the first step."""
        return self._progress.kept(self._names, self._moments())

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Take what an optimiser kept.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        checked_state(self._outside, kept, self._names)
        self._progress.restore(kept, self._names, self._moments())

    @property
    def _names(self) -> frozenset[str]:
        return self._config.optimizer.facts.state(self._config)

    def _moments(self) -> list[dict[str, Tensor]]:
        """Return what is kept of each parameter, by its names in PyTorch; tensors of our memory."""
        facts = self._config.optimizer.facts
        names = self._names & {facts.means, facts.squares}
        return [
            {name: torch.from_numpy(self._moment(name, place)) for name in names}
            for place in self._places
        ]

    def _moment(self, name: str, place: tuple[int, bool]) -> Flat:
        """Return what is kept of a parameter by this name, in the network's shape."""
        is_mean = name == self._config.optimizer.facts.means
        return self._view(self.state.first if is_mean else self.state.second, place)

    def _view(self, flat: Flat, place: tuple[int, bool]) -> Flat:
        """Return the part of an array of parameters that belongs to one, in the network's shape."""
        layer, is_weight = place
        plan = self.plan
        n_in, n_out = plan.sizes[layer], plan.sizes[layer + 1]
        if not is_weight:
            return flat[plan.biases[layer] :][:n_out]
        rows, columns = plan.widths[layer], plan.widths[layer + 1]
        matrix = flat[plan.weights[layer] :][: rows * columns].reshape(rows, columns)
        return matrix[:n_in, :n_out].T
