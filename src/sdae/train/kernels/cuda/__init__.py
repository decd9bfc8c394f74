"""Kernels for batch size 1 on a GPU, in CUDA C++; NVRTC compiles them when they are first used.

``plans`` says how a network is laid out on a chip, ``program`` what is compiled for it. The sources
include no file: they are joined to one, in the order that ``program`` lists.
"""
