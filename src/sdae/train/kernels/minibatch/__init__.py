"""Kernels of minibatches: products in register tiles, and what stands between them.

Everything but the products is as in the fused kernels, with a row of a minibatch in place of a
sample.
"""
