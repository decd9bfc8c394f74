"""The layer on top of a stack: the requested head, and the layer before training."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sdae.core.autoencoder import empty_layer
from sdae.core.constraints import integer, read_fields
from sdae.core.errors import invalid_parameter
from sdae.core.kinds.heads import Head
from sdae.core.kinds.text import parse_choice

_STACK = "StackedDenoisingAutoencoder"


def wanted_head(
    n_outputs: Mapping[str, int | None], head: Head | str | None, caller: str = _STACK
) -> tuple[Head, int] | None:
    """Return the head that the parameters of a network ask for, and its number of outputs.

    `caller` is the class of the network.

    Raises
    ------
    InvalidParameterError
        If they request two heads, or one without its number of outputs.
    """
    given = [(parameter, number) for parameter, number in n_outputs.items() if number is not None]
    if len(given) > 1:
        wanted = f"None where {given[0][0]} is given: a network has one head"
        remedy = "Make a separate network for each."
        raise invalid_parameter(given[1][0], caller, wanted, given[1][1], remedy)
    kind = None if head is None else parse_choice(Head, head, "head", caller)
    if kind is None:
        return (Head.of(given[0][0]), given[0][1]) if given else None
    if [kind.facts.parameter] != [parameter for parameter, _ in given]:
        wanted = " or ".join(
            repr(str(each)) for each in Head if each.facts.parameter in dict(given)
        )
        remedy = f"A {kind} head needs {kind.facts.parameter}."
        raise invalid_parameter("head", caller, wanted or "None without outputs", str(kind), remedy)
    return kind, given[0][1]


def zero_head(kind: Head, n_outputs: int, deepest: Tensor) -> nn.Linear:
    """Return a head of zeros, (H, …) -> (O, H), on the device of the deepest layer's weight.

    Raises
    ------
    InvalidParameterError
        If the number of outputs is too small for this head, or not an integer.
    """
    parameter = kind.facts.parameter
    read = read_fields({parameter: integer(kind.facts.least)}, {parameter: n_outputs}, _STACK)
    head = empty_layer(deepest.shape[0], read[parameter], deepest.dtype).to(deepest.device)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    return head
