"""Fast training steps: pure functions of arrays, compiled by Numba.

Only this package imports Numba. Nothing here imports torch, and nothing uses Numba's own threads:
every kernel releases the GIL, and ``team`` runs them on Python's threads. So there is no threading
layer that could conflict with another one, or break in a forked child.

``fused`` trains with batch size 1, ``ladder`` trains ladders.
"""
