"""Fast training steps: pure functions of arrays, compiled by Numba.

They are made of ``core.kernels``, whose rules they follow: no torch, no threads of Numba's own.

``fused`` trains with batch size 1, ``minibatch`` with others, ``ladder`` trains ladders. ``cuda``
is ``fused`` for a GPU, in CUDA C++ and without Numba.
"""
