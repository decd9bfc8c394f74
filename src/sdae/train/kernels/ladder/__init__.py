"""Kernels of a ladder's update: all but its matrix products.

Each works on a block of columns, of all rows: the statistics of a column need no other columns. So
several threads can share a layer, and the result is the same for any number of them.
"""
