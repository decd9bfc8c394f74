"""The architecture of a ladder in the file of a model, and the tensors that it must have.

Files may be hostile: sizes and shapes are checked before anything is built.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from sdae.core.architecture import DTYPES, check_shapes, describe_head, expect_scaling
from sdae.core.kinds.combinators import Combinator
from sdae.core.kinds.heads import Head
from sdae.core.ladder.network import LadderNetwork

LADDER = "ladder"
"""The value of ``kind`` in the architecture."""


def describe_ladder(network: LadderNetwork) -> dict[str, object]:
    """Return the architecture of a ladder as plain JSON values."""
    return {
        "kind": LADDER,
        "n_visible": network.n_visible,
        "hidden_layer_sizes": list(network.hidden_layer_sizes),
        **describe_head(network.head_kind, network.n_outputs),
        "input_noise": network.input_noise,
        "hidden_noise": network.hidden_noise,
        "combinator": str(network.combinator),
        "dtype": str(network.gain.dtype).removeprefix("torch."),
    }


def new_ladder(architecture: Mapping[str, Any]) -> LadderNetwork:
    """Build a ladder of an architecture.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed; built-in errors if the description is malformed.
    """
    return LadderNetwork(
        architecture["n_visible"],
        architecture["hidden_layer_sizes"],
        architecture["n_classes"],
        n_labels=architecture.get("n_labels"),
        n_targets=architecture.get("n_targets"),
        input_noise=architecture["input_noise"],
        hidden_noise=architecture["hidden_noise"],
        combinator=architecture["combinator"],
        head=architecture.get("head"),
        dtype=DTYPES[architecture["dtype"]],
    )


def check_ladder_tensors(
    architecture: Mapping[str, Any], scaling: str | None, tensors: Mapping[str, Tensor]
) -> None:
    """Check the stored tensors against the architecture before building anything.

    Raises
    ------
    ValueError
        If they do not fit; other built-in errors if the architecture is malformed.
    """
    hidden = architecture["hidden_layer_sizes"]
    if len(hidden) > len(tensors):  # a list as long as a header allows would take long
        raise ValueError(f"{len(hidden):,} layers are named, but there are {len(tensors)} tensors")
    parameters = dict.fromkeys(head.facts.parameter for head in Head)
    outputs = [n for n in map(architecture.get, parameters) if n is not None]
    if len(outputs) != 1:
        raise ValueError("a ladder has one head")
    sizes, combinator = [architecture["n_visible"], *hidden, *outputs], architecture["combinator"]
    facts, expected = Combinator(combinator).facts, dict[str, tuple[int, ...]]()
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        expected[f"layers.{layer}.weight"] = (n_out, n_in)
        expected[f"layers.{layer}.decoder_weight"] = (n_in, n_out)
        for name in ("bias", "mean", "variance"):
            expected[f"layers.{layer}.{name}"] = (n_out,)
    for depth, n_units in enumerate(sizes):
        expected[f"laterals.{depth}.coefficients"] = facts.shape(n_units)
        for name in ("mean", "variance"):
            expected[f"laterals.{depth}.{name}"] = (n_units,)
    expected["gain"] = (sizes[-1],)
    expect_scaling(expected, scaling, sizes[0])
    check_shapes(expected, tensors, DTYPES[architecture["dtype"]])
    for name, tensor in tensors.items():
        if name.endswith(".variance") and not bool((tensor >= 0).all()):
            raise ValueError(f"tensor {name} has values below 0")


def give_state(network: LadderNetwork, tensors: Mapping[str, Tensor]) -> None:
    """Copy parameters and statistics into a ladder of the same shapes."""
    with torch.no_grad():
        for name, value in network.named_state():
            value.copy_(tensors[name])
