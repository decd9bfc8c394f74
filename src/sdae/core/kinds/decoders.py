"""The decoders, each with its loss, and the emphasis of that loss on what was corrupted."""

from dataclasses import dataclass
from enum import StrEnum

from sdae.core.kinds.text import is_number
from sdae.errors import invalid_parameter


class Decoder(StrEnum):
    """The output of a decoder and, with it, the loss.

    ``sigmoid`` pairs with cross-entropy, for data in [0, 1]; ``linear`` with the squared error, for
    real values; ``auto`` is settled by what is known of the data.
    """

    AUTO = "auto"
    SIGMOID = "sigmoid"
    LINEAR = "linear"


@dataclass(frozen=True)
class Emphasis:
    """Weights of the reconstruction loss (Vincent et al. 2010, section 3.4).

    The loss is α times its sum over the components drawn for corruption, whether or not the noise
    changed them, plus β times its sum over the others. Vincent's *double* emphasis is α=1, β=0.5;
    *full* emphasis is α=1, β=0.
    """

    alpha: float = 1.0
    beta: float = 0.5

    def __post_init__(self) -> None:
        for name, weight in (("alpha", self.alpha), ("beta", self.beta)):
            if not is_number(weight) or weight < 0:
                raise invalid_parameter(name, "Emphasis", "a finite number ≥ 0", weight)
            object.__setattr__(self, name, float(weight))

    def __str__(self) -> str:
        return f"{self.alpha!r}:{self.beta!r}"


def parse_emphasis(value: object) -> Emphasis | None:
    """Read an emphasis from an object, ``none``, ``double``, ``full`` or ``ALPHA:BETA``."""
    if value is None or isinstance(value, Emphasis):
        return value
    named = {"none": None, "double": Emphasis(1.0, 0.5), "full": Emphasis(1.0, 0.0)}
    if isinstance(value, str):
        if value in named:
            return named[value]
        try:
            alpha, beta = (float(word) for word in value.split(":"))
        except ValueError:
            pass
        else:
            return Emphasis(alpha, beta)
    forms = "an Emphasis, 'none', 'double' (1:0.5), 'full' (1:0) or 'ALPHA:BETA'"
    raise invalid_parameter("emphasis", "the autoencoder", forms, value)
