"""The architecture of a stack in the file of a model, and the tensors that it must have.

Files may be hostile: sizes and shapes are checked before anything is built.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from sdae.core.blocks import Blocks
from sdae.core.kinds.heads import Head
from sdae.core.schema.column_json import number
from sdae.core.stack import StackedDenoisingAutoencoder

_LARGEST_GAP = 1e18  # rows beyond are clipped
DTYPES = {
    str(kind).removeprefix("torch."): kind
    for kind in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
}


def describe_stack(stack: StackedDenoisingAutoencoder) -> dict[str, object]:
    """Return the architecture of a stack as plain JSON values."""
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    emphasis, blocks = layers[0].emphasis, blocks_of(stack)
    return {
        "n_visible": stack.n_visible,
        "hidden_layer_sizes": list(stack.hidden_layer_sizes),
        **describe_head(stack.head_kind, stack.n_outputs),
        "activation": str(stack.activation),
        "corruption": [str(layer.corruption) for layer in layers],
        "decoder": [str(layer.decoder) for layer in layers],
        "tied": layers[0].tied,
        "emphasis": None if emphasis is None else str(emphasis),
        "dtype": str(layers[0].weight.dtype).removeprefix("torch."),
        **({} if blocks is None else {"blocks": asdict(blocks)}),
    }


def new_stack(architecture: dict[str, Any], version: int) -> StackedDenoisingAutoencoder:
    """Build a stack of an architecture, as a file of some version describes it.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed; built-in errors if the description is malformed.
    """
    n_visible, has_blocks = architecture["n_visible"], version > 1 and "blocks" in architecture
    return StackedDenoisingAutoencoder(
        n_visible,
        architecture["hidden_layer_sizes"],
        architecture["n_classes"],
        architecture["corruption"],
        n_labels=architecture.get("n_labels"),
        n_targets=architecture.get("n_targets"),
        head=architecture.get("head"),
        activation=architecture["activation"],
        decoder=architecture["decoder"],
        tied=architecture["tied"],
        emphasis=architecture["emphasis"],
        dtype=DTYPES[architecture["dtype"]],
        blocks=_read_blocks(architecture["blocks"], n_visible) if has_blocks else None,
    )


def check_tensors(
    architecture: dict[str, Any], scaling: str | None, tensors: dict[str, Tensor]
) -> None:
    """Check the stored tensors against the architecture before building anything.

    Raises
    ------
    ValueError
        If they do not fit; other built-in errors if the architecture is malformed.
    """
    sizes = architecture["hidden_layer_sizes"]
    if len(sizes) > len(tensors):  # a list as long as a header allows would take long
        raise ValueError(f"{len(sizes):,} layers are named, but there are {len(tensors)} tensors")
    for each in (architecture["corruption"], architecture["decoder"]):
        if isinstance(each, list) and len(each) > len(sizes):
            raise ValueError(f"Got {len(each):,} values instead of one for each layer")
    if not isinstance(architecture["tied"], bool):
        raise ValueError("tied must be true or false")
    n_below, expected = architecture["n_visible"], dict[str, tuple[int, ...]]()
    for layer, n_hidden in enumerate(sizes):
        expected[f"layers.{layer}.weight"] = (n_hidden, n_below)
        expected[f"layers.{layer}.hidden_bias"] = (n_hidden,)
        expected[f"layers.{layer}.visible_bias"] = (n_below,)
        if not architecture["tied"]:
            expected[f"layers.{layer}.decoder_weight"] = (n_below, n_hidden)
        n_below = n_hidden
    for parameter in dict.fromkeys(head.facts.parameter for head in Head):
        n_outputs = architecture.get(parameter)
        if n_outputs is not None:
            expected["head.weight"] = (n_outputs, n_below)
            expected["head.bias"] = (n_outputs,)
    expect_scaling(expected, scaling, architecture["n_visible"])
    check_shapes(expected, tensors, DTYPES[architecture["dtype"]])


def expect_scaling(
    expected: dict[str, tuple[int, ...]], scaling: str | None, n_visible: int
) -> None:
    """Add the tensors of a scaling to the shapes expected, if the file has one."""
    if scaling is not None:
        expected["scaling.offset"] = expected["scaling.scale"] = (n_visible,)


def check_shapes(
    expected: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor], dtype: torch.dtype
) -> None:
    """Check names, shapes, types and values of the stored tensors.

    Raises
    ------
    ValueError
        If they are not as expected, or not finite.
    """
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"tensor {name} should have shape {expected.get(name)} by the architecture, but "
                f"has {found.get(name)}"
            )
    for name, tensor in tensors.items():
        wanted = torch.float64 if name.startswith("scaling.") else dtype
        if tensor.dtype != wanted:
            raise ValueError(f"tensor {name} should be of type {wanted}, but is {tensor.dtype}")
    if broken := not_finite(tensors):
        raise ValueError(f"tensor {broken} has values that are not finite")


def blocks_of(stack: StackedDenoisingAutoencoder) -> Blocks | None:
    """Return the blocks of a stack for a table, or None."""
    layout = stack.autoencoder(0).layout
    return None if layout is None else layout.blocks


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds NaN or infinity, or None."""
    return next((name for name, t in tensors.items() if not bool(t.isfinite().all())), None)


def describe_head(kind: Head | None, n_outputs: int | None) -> dict[str, object]:
    """Return the number of outputs by its parameter, and the head if that does not determine it."""
    # in files of all heads, as in the first versions
    entries: dict[str, object] = {"n_classes": None}
    if kind is not None:
        parameter = kind.facts.parameter
        entries[parameter] = n_outputs
        if kind is not Head.of(parameter):
            entries["head"] = str(kind)
    return entries


def _read_blocks(entry: Mapping[str, Any], n_visible: int) -> Blocks:
    """Read blocks, of which a hostile file may name very many."""
    lists = {name: entry[name] for name in ("numbers", "levels", "indicators", "gap_values")}
    if not all(isinstance(each, list) and len(each) <= n_visible for each in lists.values()):
        raise ValueError("the blocks do not fit the network")
    sizes = [*lists["numbers"], *lists["levels"], *lists["indicators"], entry["n_binaries"]]
    if not all(type(size) is int and size <= n_visible for size in sizes):
        raise ValueError("sizes of blocks must be whole numbers, at most those of the network")
    if entry.keys() != {*lists, "n_binaries"}:
        raise ValueError("the blocks have other entries than they should")
    gaps = tuple(number(gap) for gap in lists.pop("gap_values"))
    if any(abs(gap) > _LARGEST_GAP for gap in gaps):
        raise ValueError("a value for gaps is too large")
    blocks = Blocks(
        **{name: tuple(each) for name, each in lists.items()},
        n_binaries=entry["n_binaries"],
        gap_values=gaps,
    )
    if sum(lists["numbers"]) + sum(lists["levels"]) > n_visible or blocks.n_components != n_visible:
        raise ValueError("the blocks do not fit the network")
    return blocks
