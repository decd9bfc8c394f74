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
from torch import Tensor, nn

from sdae.train.engines.autograd import new_optimizer
from sdae.train.engines.optimizer_state import give_state
from sdae.train.kernels.minibatch import rules
from sdae.train.kernels.minibatch.memory import plan_of, state_of
from sdae.train.settings import FinetuningConfig, PretrainingConfig

Flat = NDArray[np.floating]

_STEP, _PRODUCT = "step", "mu_product"


class CompiledMemory:
    """Parameters, moments and settings of updates of some layers, one above the other.

    Parameters
    ----------
    layers : sequence of (Tensor or None, Tensor)
        Weight (units, inputs) and bias of each layer; no weight where the second of two layers has
        that of the first, transposed.
    config : PretrainingConfig or FinetuningConfig
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
        n_parts: int,
    ) -> None:
        self._layers, self._config = list(layers), config
        first = layers[0][0]
        assert first is not None
        self._kind = first.detach().numpy().dtype
        sizes = [first.shape[1], *(len(bias) for _, bias in layers)]
        tied = any(weight is None for weight, _ in layers)
        self.plan = plan_of(sizes, config.batch_size, n_parts, self._kind, tied=tied)
        facts = config.optimizer.facts
        means = facts.means if facts.squares or config.momentum else None
        n_kept = 2 if facts.squares else 1 if means else 0
        self.state = state_of(self.plan, n_kept, self._kind)
        self.rule = facts.kernel
        self.settings = np.array(
            [config.momentum, config.nesterov, config.beta_1, config.beta_2, config.epsilon]
        )
        self._n_updates, self._product = 0, 1.0

    def take(self) -> None:
        """Copy the parameters from the network."""
        for inside, outside in self._pairs():
            inside[...] = outside.detach().numpy()

    def give(self) -> None:
        """Copy the parameters to the network."""
        for inside, outside in self._pairs():
            outside.detach().numpy()[...] = inside

    def coefficients(self, rate: float, n_steps: int) -> NDArray[np.float64]:
        """Return what is the same for all parameters of the next steps, (n_steps, 4).

        They count as done.
        """
        result = np.empty((n_steps, 4))
        self._product = rules.coefficients(
            self.rule,
            self.settings,
            rate,
            self._config.weight_decay,
            self._n_updates,
            self._product,
            result,
        )
        self._n_updates += n_steps
        return result

    def kept(self) -> dict[str, Tensor]:
        """Return what the optimiser keeps, as PyTorch names it; nothing before the first step."""
        names = self._config.optimizer.facts.state(self._config) if self._n_updates else ()
        found = {}
        for number, places in enumerate(self._numbered()):
            for name in names:
                if name == _STEP:
                    value = torch.tensor(float(self._n_updates))
                elif name == _PRODUCT:
                    value = torch.tensor(self._product)
                else:
                    value = torch.from_numpy(np.ascontiguousarray(self._moment(name, places)))
                found[f"{number}.{name}"] = value.clone()
        return found

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Take what an optimiser kept.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        outside = [nn.Parameter(parameter) for _, parameter in self._pairs()]
        names = self._config.optimizer.facts.state(self._config)
        give_state(new_optimizer(outside, self._config), kept, names)
        if not kept:
            return
        for number, places in enumerate(self._numbered()):
            for name in names:
                value = kept[f"{number}.{name}"]
                if name == _STEP:
                    self._n_updates = int(value)
                elif name == _PRODUCT:
                    self._product = float(value)
                else:
                    self._moment(name, places)[...] = value.numpy()
        self._n_updates = self._n_updates or 1  # plain momentum does not count

    def _pairs(self) -> list[tuple[Flat, Tensor]]:
        """Return the kernels' parameters, without padding, and the network's; weights first."""
        outside = [weight for weight, _ in self._layers if weight is not None]
        outside += [bias for _, bias in self._layers]
        inside = [self._moment(None, places) for places in self._numbered()]
        return list(zip(inside, outside, strict=True))

    def _numbered(self) -> list[tuple[int, bool]]:
        """Return the layer of each parameter, and whether it is the weight, in PyTorch's order."""
        weights = [(k, True) for k, (weight, _) in enumerate(self._layers) if weight is not None]
        return weights + [(k, False) for k in range(len(self._layers))]

    def _moment(self, name: str | None, places: tuple[int, bool]) -> Flat:
        """Return a parameter, or what is kept of it by this name, in the network's shape."""
        facts = self._config.optimizer.facts
        flat = self.state.parameters
        if name is not None:
            flat = self.state.first if name == facts.means else self.state.second
        layer, is_weight = places
        plan = self.plan
        n_in, n_out = plan.sizes[layer], plan.sizes[layer + 1]
        if not is_weight:
            return flat[plan.biases[layer] :][:n_out]
        rows, columns = plan.widths[layer], plan.widths[layer + 1]
        matrix = flat[plan.weights[layer] :][: rows * columns].reshape(rows, columns)
        return matrix[:n_in, :n_out].T
