"""The table ``[ladder]`` of a recipe: how a ladder is built and trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sdae.core.constraints import Reader, number, parsed, read_fields
from sdae.core.kinds.combinators import Combinator
from sdae.core.kinds.text import parse_choice
from sdae.core.options import Option, field_of, option, options_of, readers_of
from sdae.train.ladder.settings import LadderConfig

AUTO = "auto"
_RULE = "`auto`: by the data."

T = TypeVar("T")
_DECLARED = options_of(LadderConfig)


def or_auto(reader: Reader[T]) -> Reader[T | str]:
    """Read the text ``auto``, or what `reader` reads."""

    def read(value: object) -> T | str:
        return AUTO if isinstance(value, str) and value == AUTO else reader.read(value)

    return Reader(f"{reader.constraint}, or {AUTO!r}", read)


def _automatic(name: str) -> Any:
    declared = _DECLARED[name]
    return field_of(Option(or_auto(declared.reader), AUTO, f"{declared.doc} {_RULE}"))


@dataclass(frozen=True)
class LadderTable:
    """How a ladder is built and trained: the options of its training, and those of its network."""

    n_updates: int | str = _automatic("n_updates")
    max_minutes: float | None = field_of(_DECLARED["max_minutes"])
    learning_rate: float = field_of(_DECLARED["learning_rate"])
    batch_size: int | str = _automatic("batch_size")
    denoising_costs: tuple[float, ...] | str = _automatic("denoising_costs")
    engine: str = field_of(_DECLARED["engine"])
    input_noise: float | str = option(
        or_auto(number(0)), AUTO, f"Standard deviation of the noise of the input. {_RULE}"
    )
    hidden_noise: float = option(
        number(0),
        0.3,
        "Standard deviation of the noise of the layers, whose units have variance 1.",
    )
    combinator: Combinator = option(
        parsed("a combinator", lambda value: parse_choice(Combinator, value, "combinator")),
        Combinator.GAUSSIAN,
        "How a layer is estimated from itself and the layer above: "
        f"{', '.join(f'`{name}`' for name in Combinator)}.",
    )

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "LadderTable":
        """Validate `values`; all problems come in one error that names `caller`."""
        return cls(**read_fields(readers_of(cls), values, caller))

    def training(self, caller: str) -> LadderConfig:
        """Return the settings of the training, once none is automatic.

        Raises
        ------
        InvalidParameterError
            If one is not allowed.
        """
        return LadderConfig.read({name: getattr(self, name) for name in _DECLARED}, caller)
