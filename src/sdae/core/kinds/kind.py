"""An enumeration whose members are their names, and hold what is known of them."""

from enum import StrEnum
from typing import Any, Self


class Kind(StrEnum):
    """What the kinds with a closed list have in common."""

    _value_: str
    facts: Any

    def __new__(cls, name: str, facts: object = None) -> Self:
        """Make a member that equals its name; outside an enumeration, the name alone finds it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.facts = facts
        return member
