"""What no one would do on purpose: damaged files and recipes, in numbers."""
