"""Schemas of tables."""
