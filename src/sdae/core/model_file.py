"""The file of a model: safetensors with one JSON entry. Loading one executes nothing.

Tensors: ``layers.K.weight`` (H, V), ``layers.K.hidden_bias`` (H,), ``layers.K.visible_bias`` (V,),
``layers.K.decoder_weight`` (V, H) where untied, ``head.weight`` (C, H) and ``head.bias`` (C,) where
there is a head (L labels or T targets in place of C classes), ``scaling.offset`` and
``scaling.scale`` (V,) where the data are scaled. The two facades share parameters, so each is
stored once, under the name of its layer.

The metadata entry ``sdae`` is JSON: the format's version, the architecture, scaling, classes, names
of columns, shape of images, provenance without clock times, and a checksum: equal models have equal
bytes (:mod:`sdae.core.tensor_file`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdae.core.blocks import Blocks
from sdae.core.errors import DataError, FileFormatError, InvalidParameterError
from sdae.core.facades import only_parameters
from sdae.core.kinds.heads import Head
from sdae.core.preprocessing import Scaling
from sdae.core.schema.column_json import number
from sdae.core.schema.table_schema import Schema
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.core.tensor_file import read_tensors, reason_of, write_tensors

FORMAT = 2
"""The newest format: of models with a schema, or with the scaling of targets.

Others are written as format 1, to the byte.
"""
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_HALF = re.compile(r"[\ud800-\udfff]")  # half a character: a text with one cannot be written
_MOST_CHARACTERS = 10_000
_LARGEST_GAP = 1e18  # rows beyond are clipped
_OF_A_LAYER = ("weight", "hidden_bias", "visible_bias")
_DTYPES = {
    str(kind).removeprefix("torch."): kind
    for kind in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
}


@dataclass(frozen=True)
class Model:
    """A stack with all that is needed to prepare its input and to read its output.

    Attributes
    ----------
    stack : StackedDenoisingAutoencoder
    scaling : Scaling or None
        Scaling of rows before they go into the stack.
    classes : tuple of int or of str, or None
        The class or the label of each output; None means 0, 1, ….
    feature_names : tuple of str or None
        Names of the columns, in the order the stack expects.
    image_shape : (int, int) or None
        Height and width, where rows are images.
    provenance : mapping
        Where the model comes from: plain JSON values, no clock times.
    estimator : mapping or None
        Data to restore a scikit-learn estimator: plain JSON values.
    schema : Schema or None
        The typed columns of the tables that the model takes, instead of a scaling.
    target_scaling : Scaling or None
        The scaling that the targets of a regression had in training; an estimator keeps its own.
    target_names : tuple of str or None
        Names of these targets.
    """

    stack: StackedDenoisingAutoencoder
    scaling: Scaling | None = None
    classes: tuple[int, ...] | tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    image_shape: tuple[int, int] | None = None
    provenance: Mapping[str, str | int | float] = field(default_factory=dict)
    estimator: Mapping[str, Any] | None = None
    schema: Schema | None = None
    target_scaling: Scaling | None = None
    target_names: tuple[str, ...] | None = None


@undisturbed()
def save_model(model: Model, path: str | Path) -> None:
    """Write a model file atomically: equal models give equal bytes.

    Raises
    ------
    DataError
        If a weight is not finite, or a label or a name is too long or not valid: such a file could
        not be read.
    InvalidParameterError
        If the facades of the stack do not share their parameters, or it has other parameters.
    FileAccessError
        If the file cannot be written; an older file of that name is then intact.
    """
    _check_words(model)
    tensors = dict(parameters_of(model.stack))
    if model.scaling is not None:
        tensors["scaling.offset"] = torch.from_numpy(model.scaling.offset.copy())
        tensors["scaling.scale"] = torch.from_numpy(model.scaling.scale.copy())
    if name := _not_finite(tensors):
        raise DataError(
            f"The model cannot be saved: {name} has values that are not finite. Train it again "
            "with a lower learning rate."
        )
    write_tensors(path, tensors, _describe(model))


@undisturbed()
def load_model(path: str | Path) -> Model:
    """Read a model file, on the CPU.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged, of another kind, or of a format that this version does not know.
    """
    description, tensors = read_tensors(path, "model file", FORMAT)
    try:
        return _rebuild(description, tensors)
    except _MALFORMED as error:
        raise FileFormatError(f"{path} is not a valid model file: {reason_of(error)}.") from None


def parameters_of(stack: StackedDenoisingAutoencoder) -> Iterator[tuple[str, Tensor]]:
    """Yield every parameter once, under its canonical name.

    Raises
    ------
    InvalidParameterError
        If the facades of the stack do not share their parameters, or it has other parameters.
    """
    stack.check_facades()
    for layer in range(stack.n_layers):
        autoencoder = stack.autoencoder(layer)
        names = [*_OF_A_LAYER, *([] if autoencoder.tied else ["decoder_weight"])]
        yield from only_parameters(autoencoder, names, f"layers.{layer}.")
    if stack.n_outputs is not None:
        yield from only_parameters(stack.head, ["weight", "bias"], "head.")


def _not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds NaN or infinity, or None."""
    return next((name for name, t in tensors.items() if not bool(t.isfinite().all())), None)


def _check_words(model: Model) -> None:
    """Raise an error for labels and names that could not be read again."""
    try:
        if model.classes is not None:
            _checked_classes(model.classes, _n_named(model.stack))
        if model.feature_names is not None:
            _checked_names(model.feature_names, model.stack.n_visible)
        if model.image_shape is not None:
            _checked_image_shape(model.image_shape, model.stack.n_visible)
        if model.target_names is not None:
            _checked_names(model.target_names, model.stack.n_targets, "targets")
        _checked_provenance(model.provenance)
    except ValueError as error:
        raise DataError(f"The model cannot be saved: {reason_of(error)}.") from None


def _describe(model: Model) -> dict[str, object]:
    # Only if there is one, so files of other models keep their bytes.
    estimator = {} if model.estimator is None else {"estimator": dict(model.estimator)}
    stack = model.stack
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    emphasis = layers[0].emphasis
    blocks, targets = _blocks_of(stack), model.target_scaling
    return {
        "format": 1 if blocks is None and targets is None else FORMAT,
        "architecture": {
            "n_visible": stack.n_visible,
            "hidden_layer_sizes": list(stack.hidden_layer_sizes),
            **_describe_head(stack),
            "activation": str(stack.activation),
            "corruption": [str(layer.corruption) for layer in layers],
            "decoder": [str(layer.decoder) for layer in layers],
            "tied": layers[0].tied,
            "emphasis": None if emphasis is None else str(emphasis),
            "dtype": str(layers[0].weight.dtype).removeprefix("torch."),
            **({} if blocks is None else {"blocks": asdict(blocks)}),
        },
        "scaling": None if model.scaling is None else model.scaling.kind,
        "classes": None if model.classes is None else list(model.classes),
        "feature_names": None if model.feature_names is None else list(model.feature_names),
        "image_shape": None if model.image_shape is None else list(model.image_shape),
        "provenance": dict(model.provenance),
        **({} if model.schema is None else {"schema": model.schema.to_json()}),
        **({} if targets is None else {"targets": _described_targets(targets, model)}),
        **estimator,
    }


def _described_targets(scaling: Scaling, model: Model) -> dict[str, object]:
    return {
        "names": None if model.target_names is None else list(model.target_names),
        "offset": scaling.offset.tolist(),
        "scale": scaling.scale.tolist(),
    }


def _describe_head(stack: StackedDenoisingAutoencoder) -> dict[str, object]:
    """Return the number of outputs by its parameter, and the head if that does not determine it."""
    # in files of all heads, as in the first versions
    entries: dict[str, object] = {"n_classes": None}
    if stack.head_kind is not None:
        parameter = stack.head_kind.facts.parameter
        entries[parameter] = stack.n_outputs
        if stack.head_kind is not Head.of(parameter):
            entries["head"] = str(stack.head_kind)
    return entries


def _rebuild(description: dict[str, Any], tensors: dict[str, Tensor]) -> Model:
    """Build a model from its description and its tensors.

    Raises
    ------
    ValueError
        If they do not fit each other; other built-in errors if the description is malformed.
    """
    architecture = description["architecture"]
    _check_tensors(architecture, description["scaling"], tensors)
    try:
        stack = _new_stack(architecture, description["format"])
    except InvalidParameterError as error:
        raise ValueError(str(error)) from None
    with torch.no_grad():
        for name, parameter in parameters_of(stack):
            parameter.copy_(tensors[name])
    scaling = None
    if description["scaling"] is not None:
        offset, scale = (tensors[f"scaling.{part}"].numpy() for part in ("offset", "scale"))
        if description["scaling"] not in ("minmax", "standard"):
            raise ValueError(f"{description['scaling']!r} is not a known kind of scaling")
        if not (scale > 0).all():
            raise ValueError("tensor scaling.scale has values that are not above 0")
        scaling = Scaling(description["scaling"], offset, scale)
    classes, names = description["classes"], description["feature_names"]
    image = description["image_shape"]
    return Model(
        stack,
        scaling,
        schema=_checked_schema(description, stack),
        classes=None if classes is None else _checked_classes(classes, _n_named(stack)),
        feature_names=None if names is None else _checked_names(names, stack.n_visible),
        image_shape=None if image is None else _checked_image_shape(image, stack.n_visible),
        provenance=_checked_provenance(description["provenance"]),
        estimator=description.get("estimator"),
        **_read_targets(description, stack),
    )


def _read_targets(
    description: dict[str, Any], stack: StackedDenoisingAutoencoder
) -> dict[str, Any]:
    """Read the scaling of a regression's targets and their names, if there are any."""
    if description["format"] == 1 or "targets" not in description:
        return {}
    entry = description["targets"]
    offset, scale = (
        np.array([number(value) for value in entry[part]], np.float64)
        for part in ("offset", "scale")
    )
    if offset.shape != scale.shape or offset.shape != (stack.n_targets,) or not (scale > 0).all():
        raise ValueError("the scaling of the targets does not fit the network")
    names = entry["names"]
    return {
        "target_scaling": Scaling("standard", offset, scale),
        "target_names": None
        if names is None
        else _checked_names(names, stack.n_targets, "targets"),
    }


def _blocks_of(stack: StackedDenoisingAutoencoder) -> Blocks | None:
    layout = stack.autoencoder(0).layout
    return None if layout is None else layout.blocks


def _checked_schema(
    description: dict[str, Any], stack: StackedDenoisingAutoencoder
) -> Schema | None:
    if "schema" not in description:
        return None
    schema = Schema.of_json(description["schema"])
    if description["scaling"] is not None or schema.blocks != _blocks_of(stack):
        raise ValueError("the schema does not fit the network")
    return schema


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


def _new_stack(architecture: dict[str, Any], version: int) -> StackedDenoisingAutoencoder:
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
        dtype=_DTYPES[architecture["dtype"]],
        blocks=_read_blocks(architecture["blocks"], n_visible) if has_blocks else None,
    )


def _check_tensors(
    architecture: dict[str, Any], scaling: str | None, tensors: dict[str, Tensor]
) -> None:
    """Check the stored tensors against the architecture before building anything."""
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
    if scaling is not None:
        expected["scaling.offset"] = expected["scaling.scale"] = (architecture["n_visible"],)
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"tensor {name} should have shape {expected.get(name)} by the architecture, but "
                f"has {found.get(name)}"
            )
    for name, tensor in tensors.items():
        wanted = torch.float64 if name.startswith("scaling.") else _DTYPES[architecture["dtype"]]
        if tensor.dtype != wanted:
            raise ValueError(f"tensor {name} should be of type {wanted}, but is {tensor.dtype}")
    if broken := _not_finite(tensors):
        raise ValueError(f"tensor {broken} has values that are not finite")


def _n_named(stack: StackedDenoisingAutoencoder) -> int | None:
    """Return how many outputs may have names: those of classes and of labels."""
    has_names = stack.head_kind is not None and stack.head_kind.facts.probabilities is not None
    return stack.n_outputs if has_names else None


def _checked_classes(
    classes: Sequence[Any], n_classes: int | None
) -> tuple[int, ...] | tuple[str, ...]:
    if len(classes) != n_classes or len({type(label) for label in classes}) > 1:
        raise ValueError(f"{len(classes)} classes are named for {n_classes} outputs")
    if not all(isinstance(label, int) or _is_text(label) for label in classes):
        raise ValueError(
            f"classes must be whole numbers or texts of at most {_MOST_CHARACTERS:,} characters"
        )
    if len(set(classes)) != len(classes):
        raise ValueError("two classes have the same name")
    return tuple(classes)


def _checked_names(
    names: Sequence[Any], n_columns: int | None, what: str = "inputs"
) -> tuple[str, ...]:
    if len(names) != n_columns:
        raise ValueError(f"{len(names)} columns are named for {n_columns} {what}")
    if not all(isinstance(name, str) and not _HALF.search(name) for name in names):
        raise ValueError("names of columns must be texts")
    return tuple(names)


def _checked_image_shape(shape: Sequence[Any], n_visible: int) -> tuple[int, int]:
    height, width = shape
    if type(height) is not int or type(width) is not int:
        raise ValueError(f"images have no {height!r}x{width!r} pixels")
    if height < 1 or height * width != n_visible:
        raise ValueError(f"images of {height}x{width} pixels do not have {n_visible} inputs")
    return height, width


def _checked_provenance(values: Mapping[str, Any]) -> dict[str, str | int | float]:
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise ValueError(f"provenance must be texts and numbers, but {name!r} is not")
    return dict(values)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS and not _HALF.search(value)
