"""Every package that the project's environment needs has a pinned version."""

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
EXTRAS = {"report", "tables", "export", "dev"}


def _needed() -> set[str]:
    """Return the names of all packages that sdae needs with its extras, and those they need."""
    todo, seen = [("sdae", frozenset(EXTRAS))], set[str]()
    while todo:
        name, extras = todo.pop()
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is not None and not any(
                marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                continue
            needed = canonicalize_name(requirement.name)
            if needed not in seen:
                seen.add(needed)
                todo.append((needed, frozenset(requirement.extras)))
    return seen - {"sdae"}


def test_every_package_is_pinned() -> None:
    lines = CONSTRAINTS.read_text().splitlines()
    found = (re.match(r"([\w.-]+)==\S+$", line) for line in lines)
    pinned = {canonicalize_name(match[1]) for match in found if match}
    assert "torch" in pinned
    assert sorted(_needed() - pinned) == []
