"""The version of the package: here alone, so that it is known where nothing is installed."""

__version__ = "0.1.0"
