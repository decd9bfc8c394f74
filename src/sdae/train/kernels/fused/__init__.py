"""Kernels for batch size 1, compiled by Numba: one pass over the weights per step.

Only this package imports Numba. Nothing here imports torch, and nothing uses Numba's own threads:
every kernel is a function of (rank, number of threads) that releases the GIL, and ``team`` runs it
on Python's threads. So there is no threading layer that could conflict with another one, or break
in a forked child.
"""
