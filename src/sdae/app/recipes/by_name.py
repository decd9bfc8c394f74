"""Recipes by name: TOML files of this folder, or a user's file."""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from sdae.app.recipes.recipe import Recipe, parse_recipe
from sdae.core.errors import FileFormatError, RecipeError
from sdae.core.files import read_bytes

_MAX_BYTES = 1 << 20


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = files("sdae.app.recipes")
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Return a recipe by its name (``tutorial``, ``default``) or the path of a TOML file.

    Parameters
    ----------
    name : str
        A name without suffix, or a path that ends in ``.toml``.
    overrides : iterable of str
        ``KEY=VALUE`` settings, as in ``pretraining.epochs=5``.

    Raises
    ------
    RecipeError
        If the recipe does not exist, or is not valid.
    FileAccessError
        If the file cannot be read.
    """
    if "\0" in name:
        raise RecipeError(
            f"Unknown recipe {name!r}: a path must not have zero bytes. Check the path."
        )
    if name.endswith(".toml"):
        path = Path(name)
        try:
            content = read_bytes(path, _MAX_BYTES).decode("utf-8")
        except UnicodeDecodeError:
            raise FileFormatError(f"{path} is not UTF-8 text. Save the recipe as UTF-8.") from None
        return parse_recipe(content, str(path), overrides)
    known = recipe_names()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise RecipeError(
            f"Unknown recipe {name!r}. {hint}The recipes are: {', '.join(known)}. A file of your "
            "own must end in .toml."
        )
    content = (files("sdae.app.recipes") / f"{name}.toml").read_text(encoding="utf-8")
    return parse_recipe(content, name, overrides)
