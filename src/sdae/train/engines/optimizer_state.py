"""Save and restore the state of an optimiser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_STEP, _PRODUCT = "step", "mu_product"
_NUMBERS = (_STEP, _PRODUCT)
_MOST_STEPS = 2**53


def state_of(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the tensors of an optimiser's state, named by the number of their parameter."""
    return {
        f"{number}.{name}": value
        for number, parameter in enumerate(_trained(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def give_state(
    optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor], kept: frozenset[str]
) -> None:
    """Restore the tensors that :func:`state_of` returned; there are none before the first step.

    Frozen parameters have none either.

    `kept` are the names of its state per parameter after the first step.

    Raises
    ------
    ValueError
        If they do not fit its parameters; the optimiser is then not changed.
    """
    for key, (parameter, name) in checked_state(_trained(optimizer), state, kept).items():
        optimizer.state[parameter][name] = state[key].to(parameter.device).clone()


def checked_state(
    parameters: Sequence[Tensor], state: Mapping[str, Tensor], kept: frozenset[str]
) -> dict[str, tuple[Tensor, str]]:
    """Return the parameter, in the optimiser's order, and the name that each tensor belongs to.

    An optimiser of PyTorch is not made for that: its import takes seconds.

    Raises
    ------
    ValueError
        If they do not fit the parameters.
    """
    if not state:
        return {}
    wanted = {
        f"{number}.{name}": (parameter, name)
        for number, parameter in enumerate(parameters)
        if parameter.requires_grad
        for name in kept
    }
    for key in sorted(wanted.keys() | state.keys()):
        if key not in state or key not in wanted or not _fits(state[key], *wanted[key]):
            raise ValueError(f"{key} does not fit the optimiser")
    return wanted


@dataclass
class Progress:
    """How far an optimiser of our own is, which keeps its state in PyTorch's form.

    Attributes
    ----------
    n_updates : int
        Updates done.
    product : float
        NAdam's product of its momenta.
    """

    n_updates: int = 0
    product: float = 1.0

    def kept(
        self, names: frozenset[str], moments: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Return the state as :func:`state_of` does; nothing before the first step.

        `names` are those of the state of each parameter; `moments` has, for each parameter, the
        tensors among them.
        """
        found: dict[str, Tensor] = {}
        for number, of_one in enumerate(moments if self.n_updates else ()):
            for name in names:
                if name == _STEP:
                    value = torch.tensor(float(self.n_updates))
                elif name == _PRODUCT:
                    value = torch.tensor(self.product)
                else:
                    value = of_one[name].clone(memory_format=torch.contiguous_format)
                found[f"{number}.{name}"] = value
        return found

    def restore(
        self,
        state: Mapping[str, Tensor],
        names: frozenset[str],
        moments: Sequence[Mapping[str, Tensor]],
    ) -> None:
        """Take a state whose shapes and types fit; `moments` get their values.

        Raises
        ------
        ValueError
            If its numbers cannot be those of an optimiser.
        """
        if not state:
            return
        counts = {float(value) for name, value in state.items() if name.endswith(f".{_STEP}")}
        if len(counts) > 1 or any(not 1 <= n <= _MOST_STEPS or n % 1 for n in counts):
            raise ValueError("its numbers of steps do not fit")
        products = [float(value) for name, value in state.items() if name.endswith(_PRODUCT)]
        if any(not 0 <= product <= 1 for product in products):  # in float32 it comes to 0
            raise ValueError("its product of momenta does not fit")
        for number, of_one in enumerate(moments):
            for name in names - set(_NUMBERS):
                of_one[name].copy_(state[f"{number}.{name}"])
        self.n_updates = int(max(counts, default=1))  # plain momentum does not count
        self.product = products[-1] if products else 1.0


def _fits(value: Tensor, parameter: Tensor, name: str) -> bool:
    if name in _NUMBERS:  # with their own type, independent of the parameters
        return value.shape == () and value.is_floating_point()
    return value.shape == parameter.shape and value.dtype == parameter.dtype


def _trained(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
