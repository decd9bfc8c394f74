#!/usr/bin/env bash
# torch.optim.NAdam keeps its product of momenta in float32, whatever the type of the parameters is.
#
# Seen with torch 2.13.0 (CPU), NumPy 2.4.6 on Linux x86-64. Adam's state of a float64 parameter is
# float64, and its count of steps, in float32, is exact up to 2**24 steps. NAdam's `mu_product`, the
# product of all momenta so far, is a float32 tensor too (unless the default dtype is float64), and it
# is rounded at every step. It enters the step directly at its beginning, when it is far from 0. The
# largest difference from the same update written in float64, relative to the largest parameter, on a
# quadratic of 5 float64 parameters at a rate of 0.01:
#
#     steps      1       2       5      20     100
#     NAdam  4e-11   5e-11   4e-11   4e-11   6e-11
#     Adam   0       0       0       0       1e-16
#
# So a float64 training with NAdam agrees with another implementation to about 1e-10, not 1e-15, from
# the first step on. With torch.set_default_dtype(torch.float64) before it, the difference is 0.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform

import numpy as np
import torch

print(f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}")
RATE, B1, B2, EPSILON, DECAY = 0.01, 0.9, 0.999, 1e-8, 4e-3
CURVATURE = np.array([0.5, 1.0, 2.0, 3.0, 5.0])
START = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
STEPS = (1, 2, 5, 20, 100)


def nadam(x, n_steps):
    """Dozat 2016, with the warm-up of the momentum that torch documents, in float64."""
    m, v, product = np.zeros_like(x), np.zeros_like(x), 1.0
    for step in range(1, n_steps + 1):
        g = CURVATURE * x
        mu = B1 * (1 - 0.5 * 0.96 ** (step * DECAY))
        mu_next = B1 * (1 - 0.5 * 0.96 ** ((step + 1) * DECAY))
        product *= mu
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g * g
        size = np.sqrt(v / (1 - B2**step)) + EPSILON
        x = x - RATE * (1 - mu) / (1 - product) * g / size
        x = x - RATE * mu_next / (1 - product * mu_next) * m / size
    return x


def adam(x, n_steps):
    m, v = np.zeros_like(x), np.zeros_like(x)
    for step in range(1, n_steps + 1):
        g = CURVATURE * x
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g * g
        x = x - RATE * (m / (1 - B1**step)) / (np.sqrt(v / (1 - B2**step)) + EPSILON)
    return x


def trained(kind, n_steps):
    x = torch.nn.Parameter(torch.from_numpy(START.copy()))
    optimizer = kind([x], lr=RATE, betas=(B1, B2), eps=EPSILON)
    for _ in range(n_steps):
        optimizer.zero_grad()
        (torch.from_numpy(CURVATURE) * x * x / 2).sum().backward()
        optimizer.step()
    return x.detach().numpy(), optimizer.state[x]


def errors(kind, exact):
    found = []
    for n_steps in STEPS:
        x, state = trained(kind, n_steps)
        expected = exact(START, n_steps)
        found.append(np.abs(x - expected).max() / np.abs(expected).max())
    return found, state


changed = []
of_nadam, state = errors(torch.optim.NAdam, nadam)
of_adam, _ = errors(torch.optim.Adam, adam)
print("NAdam", *(f"{error:.0e}" for error in of_nadam), state["mu_product"].dtype)
print("Adam ", *(f"{error:.0e}" for error in of_adam))
if state["mu_product"].dtype != torch.float32 or not 1e-11 < max(of_nadam) < 1e-7:
    changed.append("NAdam's product of momenta is not in float32 any more")
if max(of_adam) > 1e-14:
    changed.append("Adam")
torch.set_default_dtype(torch.float64)
in_double, state = errors(torch.optim.NAdam, nadam)
print("NAdam", *(f"{error:.0e}" for error in in_double), state["mu_product"].dtype, "by default")
if max(in_double) > 1e-13:
    changed.append("NAdam where the default is float64")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
