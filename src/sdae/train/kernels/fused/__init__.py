"""Kernels for batch size 1: one pass over the weights per step.

Every kernel is a function of (rank, number of threads).
"""
