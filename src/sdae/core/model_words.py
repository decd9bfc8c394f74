"""What the file of a model says about its rows and outputs: names, classes, images, provenance.

The same checks hold for what is written and for what is read.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sdae.core.stack import StackedDenoisingAutoencoder

_HALF = re.compile(r"[\ud800-\udfff]")  # half a character: a text with one cannot be written
_MOST_CHARACTERS = 10_000


def n_named(stack: StackedDenoisingAutoencoder) -> int | None:
    """Return how many outputs may have names: those of classes and of labels."""
    has_names = stack.head_kind is not None and stack.head_kind.facts.probabilities is not None
    return stack.n_outputs if has_names else None


def checked_classes(
    classes: Sequence[Any], n_classes: int | None
) -> tuple[int, ...] | tuple[str, ...]:
    """Return classes: different whole numbers or texts, one for each output.

    Raises
    ------
    ValueError
        If they are not.
    """
    if len(classes) != n_classes or len({type(label) for label in classes}) > 1:
        raise ValueError(f"{len(classes)} classes are named for {n_classes} outputs")
    if not all(isinstance(label, int) or _is_text(label) for label in classes):
        raise ValueError(
            f"classes must be whole numbers or texts of at most {_MOST_CHARACTERS:,} characters"
        )
    if len(set(classes)) != len(classes):
        raise ValueError("two classes have the same name")
    return tuple(classes)


def checked_names(
    names: Sequence[Any], n_columns: int | None, what: str = "inputs"
) -> tuple[str, ...]:
    """Return names of columns: texts, one for each input, or for each of `what` else.

    Raises
    ------
    ValueError
        If they are not.
    """
    if len(names) != n_columns:
        raise ValueError(f"{len(names)} columns are named for {n_columns} {what}")
    if not all(isinstance(name, str) and not _HALF.search(name) for name in names):
        raise ValueError("names of columns must be texts")
    return tuple(names)


def checked_image_shape(shape: Sequence[Any], n_visible: int) -> tuple[int, int]:
    """Return height and width of images, which have a pixel for each input.

    Raises
    ------
    ValueError
        If they do not.
    """
    height, width = shape
    if type(height) is not int or type(width) is not int:
        raise ValueError(f"images have no {height!r}x{width!r} pixels")
    if height < 1 or height * width != n_visible:
        raise ValueError(f"images of {height}x{width} pixels do not have {n_visible} inputs")
    return height, width


def checked_provenance(values: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Return provenance: texts and numbers by name.

    Raises
    ------
    ValueError
        If they are not.
    """
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise ValueError(f"provenance must be texts and numbers, but {name!r} is not")
    return dict(values)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS and not _HALF.search(value)
