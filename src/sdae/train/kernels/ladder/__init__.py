"""Kernels of a ladder's update: all but its matrix products.

Matrices have a row for each unit, and a column for each sample of the batch: so the statistics of
a unit are sums along a row, and its coefficients are numbers in registers. A call does some units
of a layer, from `u0` on, which needs no other units of that layer: several threads can share a
layer, and the result is the same for any number of them.
"""
