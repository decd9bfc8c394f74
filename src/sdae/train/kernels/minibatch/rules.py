"""The rules by which gradients change parameters: those of ``core/kinds/optimizers.py``, in place.

A rule keeps up to two numbers for each parameter: a mean of its gradients, or what momentum has
gathered, and a mean of their squares. What is the same for all parameters of a step is a row of
coefficients, computed in float64.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel

Flat = NDArray[np.floating]
Doubles = NDArray[np.float64]

SGD, ADAM, ADAMW, NADAM, RMSPROP = 0, 1, 2, 3, 4
"""Numbers of the rules: flags of kernels, not types, so one compilation serves all."""

MOMENTUM, NESTEROV, BETA_1, BETA_2, EPSILON = range(5)
"""Places of the settings of a rule."""

_RATE, _MIX, _ROOT, _SHRINK = range(4)  # places of the coefficients of a step
_LEAST = 1.2e-38  # float32 below it is rounded to zero
_KEPT_SQUARES = 0.99  # RMSprop's, as PyTorch has it
_FALL, _FALL_PER_STEP = 0.96, 0.004  # of NAdam's momentum, as PyTorch has it


@kernel
def coefficients(
    rule: int, settings: Doubles, rate: float, decay: float, done: int, product: float, out: Doubles
) -> float:
    """Compute the coefficients of the steps after the first `done` ones, (steps, 4).

    Returns NAdam's product of its momenta after them; `product` is that before. `decay` is the
    weight decay.
    """
    beta_1, beta_2 = settings[BETA_1], settings[BETA_2]
    for step in range(len(out)):
        t = done + step + 1
        here = out[step]
        here[_RATE], here[_MIX], here[_ROOT], here[_SHRINK] = rate, 0.0, 1.0, 1.0
        if rule in (ADAM, ADAMW):
            here[_RATE] = rate / (1 - beta_1**t)
            here[_ROOT] = 1 / math.sqrt(1 - beta_2**t)
            if rule == ADAMW:
                here[_SHRINK] = 1 - rate * decay
        elif rule == NADAM:
            now = beta_1 * (1 - 0.5 * _FALL ** (t * _FALL_PER_STEP))
            after = beta_1 * (1 - 0.5 * _FALL ** ((t + 1) * _FALL_PER_STEP))
            # PyTorch multiplies in float32.
            product = np.float64(np.float32(product) * np.float32(now))
            here[_RATE] = rate * after / (1 - product * after)
            here[_MIX] = rate * (1 - now) / (1 - product)
            here[_ROOT] = 1 / math.sqrt(1 - beta_2**t)
    return product


@inlined
def change(
    rule: int,
    settings: Doubles,
    step: Doubles,
    decay: float,
    p: Flat,
    g: Flat,
    first: Flat,
    second: Flat,
) -> None:
    """Change parameters p by their gradients g, and what the rule keeps of them.

    All have the same length, but `first` and `second` may be empty where the rule keeps nothing.
    `decay` is the weight decay, 0 for biases.
    """
    real = p.dtype.type
    rate, epsilon, fade = real(step[_RATE]), real(max(settings[EPSILON], _LEAST)), real(decay)
    if rule == SGD:
        momentum = real(settings[MOMENTUM])
        if momentum == 0:
            for j in range(len(p)):
                p[j] -= rate * (g[j] + fade * p[j])
        elif settings[NESTEROV] > 0:
            for j in range(len(p)):
                slope = g[j] + fade * p[j]
                gathered = momentum * first[j] + slope
                first[j] = gathered
                p[j] -= rate * (slope + momentum * gathered)
        else:
            for j in range(len(p)):
                gathered = momentum * first[j] + (g[j] + fade * p[j])
                first[j] = gathered
                p[j] -= rate * gathered
        return
    if rule == RMSPROP:
        kept, new = real(_KEPT_SQUARES), real(1 - _KEPT_SQUARES)
        momentum = real(settings[MOMENTUM])
        for j in range(len(p)):
            slope = g[j] + fade * p[j]
            squares = kept * second[j] + new * slope * slope
            second[j] = squares
            scaled = slope / (np.sqrt(squares) + epsilon)
            if momentum > 0:
                scaled += momentum * first[j]
                first[j] = scaled
            p[j] -= rate * scaled
        return
    beta_2, root = real(settings[BETA_2]), real(step[_ROOT])
    new, new_squares = real(1 - settings[BETA_1]), real(1 - settings[BETA_2])
    if rule == ADAMW:
        shrink = real(step[_SHRINK]) if decay > 0 else real(1)
        fade = real(0)
    else:
        shrink = real(1)
    mix = real(step[_MIX])
    for j in range(len(p)):
        slope = g[j] + fade * p[j]
        mean = first[j] + new * (slope - first[j])
        squares = beta_2 * second[j] + new_squares * slope * slope
        first[j], second[j] = mean, squares
        p[j] = shrink * p[j] - (rate * mean + mix * slope) / (np.sqrt(squares) * root + epsilon)
