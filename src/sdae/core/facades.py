"""Keep the facades of a stack sharing their parameters, or report where they no longer do.

The weight and the hidden bias of an autoencoder are the weight and the bias of a layer of the
network, the same objects. PyTorch knows them by two names, and makes two parameters of one where
it loads with ``assign=True`` or converts to another kind of device.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from sdae.core.errors import InvalidParameterError

_SHARED = {"weight": "weight", "hidden_bias": "bias"}
"""Name of a parameter in an autoencoder, and its name in the layer of the network."""

Pair = tuple[nn.Module, nn.Module]


class Facades:
    """The autoencoders and the network of a stack, layer by layer.

    Parameters
    ----------
    autoencoders : nn.ModuleList
    mlp : nn.Sequential
        The layer of autoencoder k is its module 2 k.
    """

    def __init__(self, autoencoders: nn.ModuleList, mlp: nn.Sequential) -> None:
        self._autoencoders = autoencoders
        self._mlp = mlp

    @property
    def are_one(self) -> bool:
        """Whether they share all parameters that they should.

        Checked before every batch, so it reads PyTorch's dictionaries of parameters directly:
        attribute access takes ten times as long.
        """
        if len(self._mlp) < 2 * len(self._autoencoders):
            return False
        layers = islice(self._mlp, 0, None, 2)
        for autoencoder, layer in zip(self._autoencoders, layers, strict=False):
            ours, theirs = autoencoder._parameters, layer._parameters
            for name, twin in _SHARED.items():
                shared = ours.get(name)
                if shared is None or shared is not theirs.get(twin):
                    return False
        return True

    def tie(self) -> None:
        """Let the network take the parameters of the autoencoders."""
        for one, other in self._pairs():
            for name, twin in _SHARED.items():
                if getattr(other, twin) is not (shared := getattr(one, name)):
                    setattr(other, twin, shared)

    def check(self) -> None:
        """Raise an error if parameters that should be shared differ; share those that are equal.

        Raises
        ------
        InvalidParameterError
            If their values differ, so that the code cannot know which to keep; or if a parameter is
            computed from others, as pruning and parametrizations do.
        """
        if self.are_one:
            return
        for layer in range(len(self._autoencoders)):
            if 2 * layer >= len(self._mlp) or not isinstance(self._mlp[2 * layer], nn.Linear):
                raise _no_linear_layer(layer, self._mlp)
            for name, twin in _SHARED.items():
                names = f"autoencoders[{layer}].{name}", f"mlp[{2 * layer}].{twin}"
                one = getattr(self._autoencoders[layer], name, None)
                other = getattr(self._mlp[2 * layer], twin, None)
                for place, value in zip(names, (one, other), strict=True):
                    if not isinstance(value, nn.Parameter):
                        raise _no_parameter(layer, place)
                if one is not other and not _equal(one, other):
                    raise _parted(layer, *names)
        self.tie()

    def complete(self, state: dict[str, Any], prefix: str, *, assign: bool) -> None:
        """Add to a state dict about to be loaded both names of each shared parameter.

        With `assign` both names get the same object, which PyTorch then uses directly.

        Raises
        ------
        InvalidParameterError
            If the state dict has two values for one parameter.
        """
        for layer, (one, _) in enumerate(self._pairs()):
            for name, twin in _SHARED.items():
                names = f"{prefix}autoencoders.{layer}.{name}", f"{prefix}mlp.{2 * layer}.{twin}"
                values = [state[key] for key in names if key in state]
                if not values or not all(isinstance(value, Tensor) for value in values):
                    continue  # PyTorch reports missing keys
                if not _equal(values[0], values[-1], whether_trained=False):
                    raise _two_values(*names)
                value, present = values[0], getattr(one, name, None)
                if assign and not isinstance(value, nn.Parameter) and value.is_floating_point():
                    trained = present is None or present.requires_grad
                    value = nn.Parameter(value, requires_grad=trained)
                state.update(dict.fromkeys(names, value))

    def _pairs(self) -> list[Pair]:
        return list(zip(self._autoencoders, list(self._mlp)[::2], strict=False))


def check_values(module: nn.Module) -> None:
    """Raise an error for parameters without values.

    Raises
    ------
    InvalidParameterError
        If a parameter is on the meta device.
    """
    for name, parameter in module.named_parameters():
        if parameter.is_meta:
            raise InvalidParameterError(
                f"The stack cannot be trained: {name} is on the meta device, so it has no values. "
                "Call stack.to_empty(device='cpu'), and then load values with load_state_dict."
            )


def only_parameters(
    module: nn.Module, names: Sequence[str], where: str
) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters with the given names; each name gets the prefix `where`.

    Raises
    ------
    InvalidParameterError
        If the module has other parameters or lacks one, so that a file could not restore it.
    """
    found = dict(module.named_parameters())
    for name in sorted(found.keys() ^ set(names)):
        what = "an extra parameter" if name in found else "missing or computed from others"
        raise InvalidParameterError(
            f"The stack cannot be saved: {where}{name} is {what}, so the file would not hold this "
            "model. Remove what was added (parametrizations, pruning), put back what was replaced, "
            "or save stack.state_dict() with torch.save."
        )
    yield from ((where + name, found[name]) for name in names)


def _equal(one: Any, other: Any, *, whether_trained: bool = True) -> bool:
    """Return whether two tensors are the same to the byte, NaN included."""
    if one is other:
        return True
    if (one.dtype, one.shape, one.device) != (other.dtype, other.shape, other.device):
        return False
    if whether_trained and one.requires_grad != other.requires_grad:
        return False
    if one.is_meta:
        return True
    mine, theirs = (t.detach().contiguous().reshape(-1).view(torch.uint8) for t in (one, other))
    return torch.equal(mine, theirs)


def _parted(layer: int, one: str, other: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"The facades of the stack no longer share parameters: in layer {layer} {one} and {other} "
        "should be one parameter, but one of them was replaced, and they differ. Training one "
        f"would not train the other. Choose which to keep: stack.{other} = stack.{one}, or the "
        "other way round."
    )


def _no_parameter(layer: int, place: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"The facades of the stack no longer share parameters: in layer {layer} {place} must be a "
        "parameter. It is missing, or computed from others (parametrized or pruned). Put it back, "
        "or make it a parameter again with torch.nn.utils.parametrize.remove_parametrizations or "
        "torch.nn.utils.prune.remove."
    )


def _no_linear_layer(layer: int, mlp: nn.Sequential) -> InvalidParameterError:
    place = 2 * layer
    found = type(mlp[place]).__name__ if place < len(mlp) else "nothing"
    return InvalidParameterError(
        f"The facades of the stack no longer share parameters: layer {layer} of the network, "
        f"mlp[{place}], was replaced. It must be the nn.Linear that shares the parameters of "
        f"autoencoders[{layer}]. Got {found} instead. Build a new stack with the layers you want."
    )


def _two_values(one: str, other: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"The state_dict parameter of load_state_dict has two values for one parameter: {one} and "
        f"{other} differ, but the facades of a stack share it. Leave one of them out."
    )
