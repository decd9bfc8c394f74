"""Public names for training: events, callbacks and records."""

from sdae.training import callbacks, history

__all__ = ["callbacks", "history"]
