"""Kernels for batch size 1, compiled by Numba: one pass over the weights per step.

Only this room imports Numba. Nothing here knows torch, and nothing uses Numba's own threads: every
kernel is a function of (rank, number of threads) that releases the GIL, and ``team`` runs it on
Python's threads. So there is no threading layer that could clash with another one's, or break in a
forked child.
"""
