"""The memory of the autoencoder's kernel: what a step changes, room for it, and the samples."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating]
Ints = NDArray[np.intp]


class Parameters(NamedTuple):
    """What a step changes; Vp and Hp are V and H padded.

    Attributes
    ----------
    weight : (Hp, Vp or more)
        W; rows and columns of the padding are zero and stay so.
    hidden_bias : (Hp,)
    visible_bias : (Vp,)
    """

    weight: Real
    hidden_bias: Real
    visible_bias: Real


class Scratch(NamedTuple):
    """Room for a step; ``autoencoder_step.train_slice`` says what it holds.

    Attributes
    ----------
    h : (Hp,)
    live : (Hp,)
        1 for a hidden unit, 0 for padding.
    delta : (Vp,)
    zeros : (Vp,)
    partial : (parts, Vp and more)
        Each part's share of `a`; rows lie pages apart.
    dots : (2, parts, LANES)
        Each part's shares of x̃ · x̃' and δ · x̃', of even and of odd steps.
    order : (parts, Hp and more) of int
        Each part's rows, in the order they are taken in.
    """

    h: Real
    live: Real
    delta: Real
    zeros: Real
    partial: Real
    dots: Real
    order: Ints


class Samples(NamedTuple):
    """The samples of a slice.

    Attributes
    ----------
    x : (m, V)
        Clean.
    x_tilde : (m, Vp or more)
        Corrupted.
    emphasis : (m, V), or (0, 0)
        Weight of each component's loss, if they differ.
    """

    x: Real
    x_tilde: Real
    emphasis: Real
