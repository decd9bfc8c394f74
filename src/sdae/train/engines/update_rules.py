"""The rules by which gradients change parameters, in PyTorch, with all that changes in tensors.

They are those of ``core/kinds/optimizers.py``, for steps that are captured in a CUDA graph. There a
rate that is a number of Python would stay as it was at the capture. So what is the same for all
parameters of a step, such as the rate and Adam's corrections, is a row of a tensor of coefficients,
computed on the host in float64 for many steps at once.

What a rule keeps of each parameter exists before the first step, as zeros: a first step that makes
it would be repeated by the graph.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.kinds.optimizers import Optimizer
from sdae.train.engines.optimizer_state import Progress, checked_state
from sdae.train.settings import FinetuningConfig, PretrainingConfig

N_COEFFICIENTS = 4

_KEPT_SQUARES = 0.99  # RMSprop's, as PyTorch has it
_FALL, _FALL_PER_STEP = 0.96, 0.004  # of NAdam's momentum, as PyTorch has it


class UpdateRule:
    """Updates of some parameters, and what their optimiser keeps of them.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
    config : PretrainingConfig or FinetuningConfig

    Attributes
    ----------
    parameters : list of nn.Parameter
        Weights first, as in PyTorch's optimisers: so gradients are given.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], config: PretrainingConfig | FinetuningConfig
    ) -> None:
        weights = [parameter for parameter in parameters if parameter.ndim > 1]
        self.parameters = [*weights, *(each for each in parameters if each.ndim == 1)]
        self._n_weights = len(weights)
        self._values = [parameter.detach() for parameter in self.parameters]
        self._config = config
        self._progress = Progress()
        facts = config.optimizer.facts
        self._names = facts.state(config)
        self._first = self._zeros(facts.means)
        self._second = self._zeros(facts.squares)

    @property
    def changed(self) -> list[Tensor]:
        """All tensors that a step changes."""
        return [*self._values, *self._first, *self._second]

    def coefficients(self, rate: float, n_steps: int) -> NDArray[np.float64]:
        """Return the coefficients of the next steps, (n_steps, 4), which count as done.

        They are the rate of the mean, that of the gradient (NAdam), the factor of the root of the
        squares, and that of the weights (AdamW).
        """
        config = self._config
        t = self._progress.n_updates + np.arange(1.0, n_steps + 1)
        found = np.empty((n_steps, N_COEFFICIENTS))
        found[:] = rate, 0.0, 1.0, 1.0
        with np.errstate(all="ignore"):  # a rate may be too large; then the cost says so
            match config.optimizer:
                case Optimizer.ADAM | Optimizer.ADAMW:
                    found[:, 0] = rate / (1 - config.beta_1**t)
                    found[:, 2] = 1 / np.sqrt(1 - config.beta_2**t)
                    found[:, 3] = 1 - rate * config.weight_decay
                case Optimizer.NADAM:
                    now = config.beta_1 * (1 - 0.5 * _FALL ** (t * _FALL_PER_STEP))
                    after = config.beta_1 * (1 - 0.5 * _FALL ** ((t + 1) * _FALL_PER_STEP))
                    # PyTorch multiplies in float32.
                    factors = np.array([self._progress.product, *now], np.float32)
                    product = np.multiply.accumulate(factors)[1:].astype(np.float64)
                    self._progress.product = float(product[-1])
                    found[:, 0] = rate * after / (1 - product * after)
                    found[:, 1] = rate * (1 - now) / (1 - product)
                    found[:, 2] = 1 / np.sqrt(1 - config.beta_2**t)
                case Optimizer.SGD | Optimizer.RMSPROP:
                    pass
                case unknown:
                    assert_never(unknown)
        self._progress.n_updates += n_steps
        return found

    @torch.no_grad()
    def step(self, gradients: list[Tensor], coefficients: Tensor) -> None:
        """Change the parameters by their gradients, which this may change, and a row of (4,)."""
        config, values = self._config, self._values
        rate, mix, root, shrink = coefficients.unbind()
        decay, n = config.weight_decay, self._n_weights
        if decay and config.optimizer is Optimizer.ADAMW:
            torch._foreach_mul_(values[:n], shrink)
        elif decay:
            torch._foreach_add_(gradients[:n], values[:n], alpha=decay)
        match config.optimizer:
            case Optimizer.SGD:
                change = self._gathered(gradients, nesterov=config.nesterov)
            case Optimizer.RMSPROP:
                torch._foreach_mul_(self._second, _KEPT_SQUARES)
                torch._foreach_addcmul_(self._second, gradients, gradients, 1 - _KEPT_SQUARES)
                torch._foreach_div_(gradients, self._roots())
                change = self._gathered(gradients, nesterov=False)
            case Optimizer.ADAM | Optimizer.ADAMW | Optimizer.NADAM:
                torch._foreach_lerp_(self._first, gradients, 1 - config.beta_1)
                torch._foreach_mul_(self._second, config.beta_2)
                torch._foreach_addcmul_(self._second, gradients, gradients, 1 - config.beta_2)
                mean = torch._foreach_mul(self._first, rate)
                if config.optimizer is Optimizer.NADAM:
                    torch._foreach_mul_(gradients, mix)
                    torch._foreach_add_(mean, gradients)
                torch._foreach_div_(mean, self._roots(root))
                torch._foreach_sub_(values, mean)
                return
            case unknown:
                assert_never(unknown)
        torch._foreach_sub_(values, torch._foreach_mul(change, rate))

    def state(self) -> dict[str, Tensor]:
        """Return what the optimiser keeps, as PyTorch names it; nothing before the first step."""
        return self._progress.kept(self._names, self._moments())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what an optimiser kept.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        checked_state(self.parameters, state, self._names)
        self._progress.restore(state, self._names, self._moments())

    def _gathered(self, gradients: list[Tensor], *, nesterov: bool) -> list[Tensor]:
        """Return the gradients, or those that momentum has gathered."""
        momentum = self._config.momentum
        if not momentum:
            return gradients
        torch._foreach_mul_(self._first, momentum)
        torch._foreach_add_(self._first, gradients)
        if nesterov:
            torch._foreach_add_(gradients, self._first, alpha=momentum)
            return gradients
        return self._first

    def _roots(self, factor: Tensor | None = None) -> list[Tensor]:
        """Return the roots of the mean squares, times a factor, plus ε."""
        roots = list(torch._foreach_sqrt(self._second))
        if factor is not None:
            torch._foreach_mul_(roots, factor)
        torch._foreach_add_(roots, self._config.epsilon)
        return roots

    def _zeros(self, name: str | None) -> list[Tensor]:
        if name not in self._names:
            return []
        return [torch.zeros_like(value) for value in self._values]

    def _moments(self) -> list[dict[str, Tensor]]:
        """Return what is kept of each parameter, by its names in PyTorch."""
        facts = self._config.optimizer.facts
        found: list[dict[str, Tensor]] = [{} for _ in self._values]
        for name, tensors in ((facts.means, self._first), (facts.squares, self._second)):
            for moments, tensor in zip(found, tensors, strict=False):
                moments[str(name)] = tensor
        return found
