"""An enumeration whose members equal their names and hold the facts of their kind."""

from enum import StrEnum
from typing import Any, Self


class Kind(StrEnum):
    """Base of the kinds with a closed list."""

    _value_: str
    facts: Any

    def __new__(cls, name: str, facts: object = None) -> Self:
        """Make a member that equals its name, so the name alone finds it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.facts = facts
        return member
