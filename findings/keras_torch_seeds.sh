#!/usr/bin/env bash
# Keras on PyTorch: a layer with seed 1 draws what a layer with seed 0 draws, one step later.
#
# Seen with keras 3.15.1, torch 2.13.0 (CPU), jax 0.10.2, NumPy 2.4.6 on Linux x86-64. A layer that draws
# (GaussianNoise, Dropout, ...) keeps a SeedGenerator: its seed, and a count of the draws. The backend of
# PyTorch seeds the generator of a draw with the sum of both. So the draws of seed s are those of seed 0,
# s steps ahead. Five layers with the seeds 0 to 4 are one sequence of noise, five times:
#
#     different draws in 50 steps of each      on torch        on JAX
#     GaussianNoise, seeds 0 to 4                 54 of 250        250 of 250
#     Dropout, seeds 0 to 4                       54 of 250        250 of 250
#     GaussianNoise, seeds 0, 1000, ..., 4000    250 of 250        250 of 250
#
# So five denoising autoencoders that are to differ by their noise see the same noise, some steps
# apart, and two layers of one network with neighbouring seeds corrupt at step t + 1 and at step t with
# one pattern: the noise of seed 0 at step t + 1 and of seed 1 at step t correlate by 1. Seeds 1000 apart
# meet after 1000 steps. JAX makes its key of seed and count together; there none is repeated.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet keras==3.15.1 torch==2.13.0 numpy==2.4.6 \
    jax==0.10.2
cat > "$folder/count.py" <<'PYTHON'
import platform

import keras
import numpy as np
import torch

STEPS, SHAPE = 50, (20, 10)
NEIGHBOURS, APART = tuple(range(5)), tuple(range(0, 5000, 1000))
print(f"Python {platform.python_version()}, keras {keras.__version__} on {keras.backend.backend()},", end=" ")
print(f"torch {torch.__version__}, NumPy {np.__version__}")


def drawn(layer, x):
    """Return what the layer makes of x in each of the steps."""
    return [keras.ops.convert_to_numpy(layer(x, training=True)) for _ in range(STEPS)]


def noise(seed):
    return drawn(keras.layers.GaussianNoise(1.0, seed=seed), np.zeros(SHAPE, np.float32))


def masks(seed):
    return drawn(keras.layers.Dropout(0.5, seed=seed), np.ones(SHAPE, np.float32))


changed = []
repeat = keras.backend.backend() == "torch"
for name, draw, seeds, n_expected in (
    ("GaussianNoise, seeds 0 to 4", noise, NEIGHBOURS, 54 if repeat else 250),
    ("Dropout, seeds 0 to 4", masks, NEIGHBOURS, 54 if repeat else 250),
    ("GaussianNoise, seeds 0, 1000, ..., 4000", noise, APART, 250),
):
    n_different = len({each.tobytes() for seed in seeds for each in draw(seed)})
    print(f"{name}: {n_different} of {len(seeds) * STEPS} draws differ")
    if n_different != n_expected:
        changed.append(name)
first, second = (np.stack(noise(seed)) for seed in (0, 1))
same_step, next_step = (
    np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in ((first, second), (first[1:], second[:-1]))
)
print(f"noise of seeds 0 and 1: correlation {same_step:.3f} at one step,", end=" ")
print(f"{next_step:.3f} with seed 0 a step later")
if abs(same_step) > 0.1 or (next_step > 0.999) != repeat:
    changed.append("the correlation")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
for backend in torch jax; do
    KERAS_HOME="$folder" KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/count.py"
done
