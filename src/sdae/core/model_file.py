"""The file of a model: safetensors with one JSON entry. Loading one executes nothing.

Tensors: ``layers.K.weight`` (H, V), ``layers.K.hidden_bias`` (H,), ``layers.K.visible_bias`` (V,),
``layers.K.decoder_weight`` (V, H) where untied, ``head.weight`` (C, H) and ``head.bias`` (C,) where
there is a head (L labels or T targets in place of C classes), ``scaling.offset`` and
``scaling.scale`` (V,) where the data are scaled. The two facades share parameters, so each is
stored once, under the name of its layer. A ladder's names are those of
:meth:`sdae.core.ladder.network.LadderNetwork.named_state`.

The metadata entry ``sdae`` is JSON: the format's version, the architecture, scaling, classes, names
of columns, shape of images, provenance without clock times, and a checksum: equal models have equal
bytes (:mod:`sdae.core.tensor_file`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdae.core.architecture import blocks_of, check_tensors, describe_stack, new_stack, not_finite
from sdae.core.errors import DataError, FileFormatError, InvalidParameterError
from sdae.core.facades import only_parameters
from sdae.core.ladder.architecture import (
    LADDER,
    check_ladder_tensors,
    describe_ladder,
    give_state,
    new_ladder,
)
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_words import (
    checked_classes,
    checked_image_shape,
    checked_names,
    checked_provenance,
    n_named,
)
from sdae.core.preprocessing import Scaling
from sdae.core.schema.column_json import number
from sdae.core.schema.table_schema import Schema
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.core.tensor_file import read_tensors, reason_of, write_tensors

FORMAT = 3
"""The newest format, of ladders; 2 is of models with a schema, or with the scaling of targets.

Others are written as format 1, to the byte.
"""
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_OF_A_LAYER = ("weight", "hidden_bias", "visible_bias")


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
    tensors = dict(parameters_of(_trained(model.stack)))
    if model.scaling is not None:
        tensors["scaling.offset"] = torch.from_numpy(model.scaling.offset.copy())
        tensors["scaling.scale"] = torch.from_numpy(model.scaling.scale.copy())
    if name := not_finite(tensors):
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


def parameters_of(
    stack: StackedDenoisingAutoencoder | LadderNetwork,
) -> Iterator[tuple[str, Tensor]]:
    """Yield every parameter once, under its canonical name; of a ladder its statistics too.

    Raises
    ------
    InvalidParameterError
        If the facades of the stack do not share their parameters, or it has other parameters.
    """
    if isinstance(stack, LadderNetwork):
        yield from stack.named_state()
        return
    stack.check_facades()
    for layer in range(stack.n_layers):
        autoencoder = stack.autoencoder(layer)
        names = [*_OF_A_LAYER, *([] if autoencoder.tied else ["decoder_weight"])]
        yield from only_parameters(autoencoder, names, f"layers.{layer}.")
    if stack.n_outputs is not None:
        yield from only_parameters(stack.head, ["weight", "bias"], "head.")


def _check_words(model: Model) -> None:
    """Raise an error for labels and names that could not be read again."""
    try:
        if model.classes is not None:
            checked_classes(model.classes, n_named(model.stack))
        if model.feature_names is not None:
            checked_names(model.feature_names, model.stack.n_visible)
        if model.image_shape is not None:
            checked_image_shape(model.image_shape, model.stack.n_visible)
        if model.target_names is not None:
            checked_names(model.target_names, model.stack.n_targets, "targets")
        checked_provenance(model.provenance)
    except ValueError as error:
        raise DataError(f"The model cannot be saved: {reason_of(error)}.") from None


def _describe(model: Model) -> dict[str, object]:
    # Only if there is one, so files of other models keep their bytes.
    estimator = {} if model.estimator is None else {"estimator": dict(model.estimator)}
    stack, targets = model.stack, model.target_scaling
    if isinstance(stack, FoldedLadder):
        version, architecture = 3, describe_ladder(stack.ladder)
    else:
        version = 1 if blocks_of(stack) is None and targets is None else 2
        architecture = describe_stack(stack)
    return {
        "format": version,
        "architecture": architecture,
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


def _rebuild(description: dict[str, Any], tensors: dict[str, Tensor]) -> Model:
    """Build a model from its description and its tensors.

    Raises
    ------
    ValueError
        If they do not fit each other; other built-in errors if the description is malformed.
    """
    architecture = description["architecture"]
    try:
        stack = _rebuild_stack(architecture, description, tensors)
    except InvalidParameterError as error:
        raise ValueError(str(error)) from None
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
        classes=None if classes is None else checked_classes(classes, n_named(stack)),
        feature_names=None if names is None else checked_names(names, stack.n_visible),
        image_shape=None if image is None else checked_image_shape(image, stack.n_visible),
        provenance=checked_provenance(description["provenance"]),
        estimator=description.get("estimator"),
        **_read_targets(description, stack),
    )


def _rebuild_stack(
    architecture: dict[str, Any], description: dict[str, Any], tensors: dict[str, Tensor]
) -> StackedDenoisingAutoencoder:
    version, scaling = description["format"], description["scaling"]
    if version > 2:
        if architecture.get("kind") != LADDER:
            raise ValueError("format 3 is for ladders")
        check_ladder_tensors(architecture, scaling, tensors)
        ladder = new_ladder(architecture)
        give_state(ladder, tensors)
        return FoldedLadder(ladder)
    if version > 1 and "blocks" not in architecture and "targets" not in description:
        raise ValueError("format 2 is for models of tables or of values")
    check_tensors(architecture, scaling, tensors)
    stack = new_stack(architecture, version)
    with torch.no_grad():
        for name, parameter in parameters_of(stack):
            parameter.copy_(tensors[name])
    return stack


def _trained(stack: StackedDenoisingAutoencoder) -> StackedDenoisingAutoencoder | LadderNetwork:
    """Return what a file holds of a model: of a ladder's stack the ladder."""
    return stack.ladder if isinstance(stack, FoldedLadder) else stack


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
    if names is not None:
        names = checked_names(names, stack.n_targets, "targets")
    return {"target_scaling": Scaling("standard", offset, scale), "target_names": names}


def _checked_schema(
    description: dict[str, Any], stack: StackedDenoisingAutoencoder
) -> Schema | None:
    if "schema" not in description:
        return None
    schema = Schema.of_json(description["schema"])
    fits = (
        schema.blocks.n_components == stack.n_visible
        if isinstance(stack, FoldedLadder)
        else schema.blocks == blocks_of(stack)
    )
    if description["scaling"] is not None or not fits:
        raise ValueError("the schema does not fit the network")
    return schema
