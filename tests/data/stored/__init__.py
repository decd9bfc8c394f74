"""Tests of rows that stay on the disk."""
