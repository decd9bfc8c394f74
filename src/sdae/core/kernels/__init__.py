"""What all kernels are made of, and the kernel of inference: pure functions compiled by Numba.

Only this package, and the kernels of training, import Numba, and nobody imports them before they
are needed: Numba takes a second to import. Nothing here imports torch, and nothing uses Numba's own
threads: every kernel releases the GIL, and ``team`` runs them on Python's threads. So there is no
threading layer that could conflict with another one, or break in a forked child.

``presence`` says whether Numba can be used, without the rest.
"""
