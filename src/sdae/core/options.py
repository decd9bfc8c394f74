"""Options declared once: a field of a dataclass holds its default, its reader and its meaning.

    @dataclass(frozen=True)
    class Settings:
        momentum: float = option(number(0, 1), 0.0, "Momentum of SGD.")

Code that reads, writes or lists values takes names and readers from the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from sdae.core.constraints import Reader

T = TypeVar("T")
_METADATA = "option"


@dataclass(frozen=True)
class Option(Generic[T]):
    """The facts of an option.

    Attributes
    ----------
    reader : Reader
        What the value must be, and how it is read.
    default : object
        The default, as the reader returns it.
    doc : str
        Its meaning, in one line.
    """

    reader: Reader[T]
    default: T
    doc: str


def option(reader: Reader[T], default: T, doc: str) -> T:
    """Return a field of a dataclass for an option of this class only."""
    return field_of(Option(reader, default, doc))


def field_of(option: Option[T]) -> T:
    """Return a field of a dataclass for an option that several classes have."""
    return field(default=option.default, metadata={_METADATA: option})


def options_of(kind: type) -> Mapping[str, Option[Any]]:
    """Return the options of a dataclass by name, in the order of their declaration."""
    return {item.name: item.metadata[_METADATA] for item in fields(kind)}


def readers_of(kind: type) -> Mapping[str, Reader[Any]]:
    """Return the readers of the options of a dataclass, by name."""
    return {name: each.reader for name, each in options_of(kind).items()}
