"""Fast training steps: pure functions of arrays."""
