"""The weights of classes in a recipe: ``balanced``, or texts ``CLASS=WEIGHT``."""

import math

from sdae.core.constraints import shown
from sdae.core.errors import InvalidParameterError

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
        raise InvalidParameterError(
            "class_weight must be 'balanced' alone, or CLASS=WEIGHT for classes. Got both. Leave "
            "one of them out."
        )
    for item in items:
        if not isinstance(item, str) or _weight_of(item) is None:
            raise InvalidParameterError(
                "class_weight must be 'balanced', or CLASS=WEIGHT for classes, with numbers ≥ 0, "
                f"as in Yes=10. Got {shown(item)} instead."
            )
    texts = tuple(str(item) for item in items)
    if not texts or len(weights_in(texts)) < len(texts):
        raise InvalidParameterError("class_weight must name each class once, and at least one.")
    return texts[0] if len(texts) == 1 else texts


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
