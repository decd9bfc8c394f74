"""Recipes: the TOML files of this folder or of the user, and their settings."""

from sdae.app.recipes.by_name import load_recipe, recipe_names

__all__ = ["load_recipe", "recipe_names"]
