"""The fast steps: pure functions of arrays. ``reference`` (NumPy) defines, ``fused`` is fast."""
