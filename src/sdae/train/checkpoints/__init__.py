"""Checkpoints of training: what is written, when, and how it is verified."""
