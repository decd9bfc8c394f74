"""Recipes: the TOML files of this folder or of the user, and what one says."""

from sdae.app.recipes.by_name import load_recipe, recipe_names

__all__ = ["load_recipe", "recipe_names"]
