"""Chips with the numbers that NVIDIA publishes."""

from sdae.train.kernels.cuda.plans import Chip

A100 = Chip((8, 0), 108, 166_912)
RTX_3050 = Chip((8, 6), 20, 101_376)
H200 = Chip((9, 0), 132, 232_448)
RTX_5090 = Chip((12, 0), 170, 101_376)
