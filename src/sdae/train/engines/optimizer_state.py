"""Save and restore the state of an optimiser."""

from collections.abc import Mapping

import torch
from torch import Tensor

_NUMBERS = ("step", "mu_product")


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
    if not state:
        return
    parameters = _trained(optimizer)
    wanted = {
        f"{number}.{name}": (parameter, name)
        for number, parameter in enumerate(parameters)
        if parameter.requires_grad
        for name in kept
    }
    for key in sorted(wanted.keys() | state.keys()):
        if key not in state or key not in wanted or not _fits(state[key], *wanted[key]):
            raise ValueError(f"{key} does not fit the optimiser")
    for key, (parameter, name) in wanted.items():
        optimizer.state[parameter][name] = state[key].to(parameter.device).clone()


def _fits(value: Tensor, parameter: Tensor, name: str) -> bool:
    if name in _NUMBERS:  # with their own type, independent of the parameters
        return value.shape == () and value.is_floating_point()
    return value.shape == parameter.shape and value.dtype == parameter.dtype


def _trained(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
