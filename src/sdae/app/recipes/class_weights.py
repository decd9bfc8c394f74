"""The weights of classes in a recipe: ``balanced``, or texts ``CLASS=WEIGHT``."""

import math

from sdae.core.errors import InvalidParameterError, invalid_parameter

BALANCED = "balanced"


def parse_class_weight(value: object) -> str | tuple[str, ...]:
    """Read ``balanced``, one ``CLASS=WEIGHT``, a list of them, or a table of weights.

    Raises
    ------
    InvalidParameterError
        If it is something else, a weight is not a finite number ≥ 0, or a class is named twice.
    """
    if isinstance(value, dict):
        value = [f"{name}={weight}" for name, weight in value.items()]
    items = list(value) if isinstance(value, list | tuple) else [value]
    if items == [BALANCED]:
        return BALANCED
    if BALANCED in items:
        raise _refused("'balanced' alone, or CLASS=WEIGHT for classes, not both", items)
    for item in items:
        if not isinstance(item, str) or _weight_of(item) is None:
            raise _refused(
                "'balanced', or CLASS=WEIGHT for classes, with numbers ≥ 0, as in Yes=10", item
            )
    texts = tuple(str(item) for item in items)
    if not texts or len(weights_in(texts)) < len(texts):
        raise _refused("weights that name each class once, and at least one", items)
    return texts[0] if len(texts) == 1 else texts


def _refused(wanted: str, got: object) -> InvalidParameterError:
    return invalid_parameter("class_weight", "[data]", wanted, got)


def weights_in(value: str | tuple[str, ...]) -> dict[str, float]:
    """Return the weights of classes by their names, from texts that were read before."""
    texts = (value,) if isinstance(value, str) else value
    return {text.rpartition("=")[0]: float(text.rpartition("=")[2]) for text in texts}


def _weight_of(text: str) -> float | None:
    name, equals, number = text.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        return None
    return weight if name and equals and math.isfinite(weight) and weight >= 0 else None
