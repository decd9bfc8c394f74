"""Print the oldest supported version of each dependency, as constraints of pip.

    python tools/oldest.py > constraints.txt

Each is the lower bound in pyproject.toml that holds for the Python that runs this. Tools of the
tests have no oldest version worth testing.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

TOOLS = {"test", "dev"}
TABLES = {"pandas", "polars"}  # no dependencies, but their tables are taken


def oldest(text: str) -> list[str]:
    """Return a line ``name==version`` for each dependency in the text of a pyproject.toml.

    Raises
    ------
    ValueError
        If a dependency has no lower bound, or has one twice.
    """
    project = tomllib.loads(text)["project"]
    lines = list(project["dependencies"])
    for extra, more in project["optional-dependencies"].items():
        lines += more if extra not in TOOLS else [x for x in more if Requirement(x).name in TABLES]
    found: dict[str, str] = {}
    for requirement in map(Requirement, lines):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        bounds = [one.version for one in requirement.specifier if one.operator == ">="]
        if len(bounds) != 1 or requirement.name in found:
            raise ValueError(f"{requirement.name} must have one lower bound. Got {requirement}.")
        found[requirement.name] = bounds[0]
    return [f"{name}=={version}" for name, version in found.items()]


if __name__ == "__main__":
    print(*oldest(Path(__file__).parents[1].joinpath("pyproject.toml").read_text()), sep="\n")
