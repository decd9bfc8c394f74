"""The version of the package: defined only here, so it is known even without an installation."""

__version__ = "0.1.0"
