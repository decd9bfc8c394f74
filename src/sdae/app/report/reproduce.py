"""What is needed to reproduce the run: its recipe, versions, seed and hashes."""

import platform
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from sdae._version import __version__
from sdae.app.recipes.recipe import Recipe, write_recipe
from sdae.app.report.shown_rows import shown_source
from sdae.app.runs.run_folder import HISTORY, MODEL, PRETRAINED, RECIPE, RunFolder
from sdae.core.files import hash_of, regular_file
from sdae.core.model_file import Model

_PACKAGES = ("torch", "numpy", "scikit-learn", "matplotlib", "pillow", "jinja2")


@dataclass(frozen=True)
class Reproduction:
    """How to reproduce the run.

    Attributes
    ----------
    recipe : str
        The recipe in TOML; data are named without local folders.
    seed : int
    labels : int or None
        Number of training rows that kept their labels; None where all did.
    trained_with : mapping of str to str
        Versions and other facts from the provenance of the model.
    written_with : mapping of str to str
        Versions that wrote the page.
    hashes : mapping of str to str
        SHA-256 of the run's files.
    """

    recipe: str
    seed: int
    labels: int | None
    trained_with: dict[str, str]
    written_with: dict[str, str]
    hashes: dict[str, str]


def reproduction_of(run: RunFolder, recipe: Recipe, model: Model) -> Reproduction:
    """Collect the facts from the run's files and this environment."""
    unlabeled = recipe.data.unlabeled
    data = replace(
        recipe.data,
        source=shown_source(recipe.data.source),
        unlabeled=None if unlabeled is None else shown_source(unlabeled),
    )
    files = (RECIPE, HISTORY, PRETRAINED, MODEL)
    return Reproduction(
        recipe=write_recipe(replace(recipe, data=data)),
        seed=recipe.seed,
        labels=recipe.data.labels,
        trained_with={name: str(value) for name, value in sorted(model.provenance.items())},
        written_with={"python": platform.python_version(), **_versions()},
        hashes={name: hash_of(run.path / name) for name in files if regular_file(run.path / name)},
    )


def _versions() -> dict[str, str]:
    found = {"sdae": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # not installed as a package
            continue
    return found
