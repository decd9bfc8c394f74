#!/usr/bin/env bash
# torchmetrics: RelativeSquaredError of float64 numbers far from 0 is wrong by any factor; 1 - R2Score is right there.
#
# Seen with torchmetrics 1.9.0, torch 2.13.0 (CPU), NumPy 2.4.6, without a warning. The metric keeps the sums of
# the targets and of their squares in float32, also of float64 numbers, and takes one from the other. With
# 100,000 rows in batches of 1,000, and against scikit-learn's `1 - r2_score`:
#
#     targets                     float64, RelativeSquaredError    1 - R2Score    scikit-learn
#     0 +- 1                                0.1302                    0.1302         0.1302
#     50 +- 0.02 (mains, Hz)                0.0468                    0.1308         0.1308
#     5,330,000 +- 1,000 (m)                1.1e17                    0.1305         0.1305
#     311,030 +- 7                          0.0001                    0.1295         0.1295
#
# With float32 numbers `R2Score` does the same: 0.89, 1.01 and 0.9999 in place of 0.87.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
  torchmetrics==1.9.0 torch==2.13.0 scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform

import numpy as np
import torch
import torchmetrics
from sklearn.metrics import r2_score
from torchmetrics.regression import R2Score, RelativeSquaredError

print(f"torchmetrics {torchmetrics.__version__}, torch {torch.__version__}, Python {platform.python_version()}")
random = np.random.default_rng(0)


def of_batches(metric, prediction, target):
    for p, t in zip(prediction.split(1_000), target.split(1_000)):
        metric.update(p, t)
    return float(metric.compute())


for mean, deviation in ((0, 1), (50, 0.02), (5_330_000, 1_000), (311_030, 7)):
    z = random.normal(size=100_000)
    target = torch.tensor(mean + deviation * z)
    prediction = torch.tensor(mean + deviation * (0.8 * z + 0.3 * random.normal(size=len(z))))
    right = 1 - r2_score(target.numpy(), prediction.numpy())
    relative = of_batches(RelativeSquaredError(), prediction, target)
    score = of_batches(R2Score(), prediction, target)
    score_float32 = of_batches(R2Score(), prediction.float(), target.float())
    right_float32 = r2_score(target.float().double().numpy(), prediction.float().double().numpy())
    print(f"{mean} +- {deviation}, float64: RelativeSquaredError {relative:.4f}, 1 - R2Score", end=" ")
    print(f"{1 - score:.4f}, right {right:.4f}; float32: R2Score {score_float32:.4f}, right {right_float32:.4f}")
    assert abs(1 - score - right) < 1e-4
    assert (abs(relative - right) > 0.01) == (mean != 0)
    assert (abs(score_float32 - right_float32) > 0.01) == (mean != 0)
PYTHON
