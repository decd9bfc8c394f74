#!/usr/bin/env bash
# torchmetrics: the area under the ROC curve of logits depends on how they come in batches, and on their scale.
#
# Seen with torchmetrics 1.9.0, torch 2.13.0, scikit-learn 1.9.1 on Linux x86-64, without a warning. An area
# under the ROC curve depends on the order of the scores alone. `BinaryAUROC` takes logits too: each `update`
# looks whether all scores of *its batch* lie in [0, 1], takes them for probabilities if so, and the sigmoid
# if not. So a batch whose logits all lie in [0, 1] by chance stays as it is, among others' sigmoids. And the
# sigmoid in float32 is 1 from a logit of 17 on, where the most confident rows become equal. `BinaryAveragePrecision`
# shares it. The area of 2,000 logits of two normal classes (0.9325 by scikit-learn, however they come or
# are scaled), and the average precision (0.9314):
#
#     batches of 2000, 50, 10 rows     0.9325  0.9314
#     batches of 4                     0.9305  0.9299
#     batches of 1                     0.8911  0.8725
#     one batch, logits times 10       0.9317  (0.9325 in float64)
#     one batch, logits times 40       0.8798  (0.9188 in float64)
#
# A last batch of few rows is enough for the first, a network that is sure of its answers for the second.
# The sigmoid of float64 logits, or their ranks divided by their number, are what to hand over.
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
import warnings

import sklearn
import torch
import torchmetrics
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

print(f"Python {platform.python_version()}, torchmetrics {torchmetrics.__version__},", end=" ")
print(f"torch {torch.__version__}, scikit-learn {sklearn.__version__}")
warnings.simplefilter("error")  # a warning of a metric would end this

N = 2000
generator = torch.Generator().manual_seed(0)
y = (torch.rand(N, generator=generator) < 0.5).long()
logits = 0.8 * torch.randn(N, generator=generator) + 0.8 * (2 * y - 1) + 0.6
KINDS = (BinaryAUROC, BinaryAveragePrecision)


def of_torchmetrics(kind, scores, n_rows):
    metric = kind()
    for start in range(0, N, n_rows):
        metric.update(scores[start : start + n_rows], y[start : start + n_rows])
    return float(metric.compute())


right = [score(y, logits) for score in (roc_auc_score, average_precision_score)]
changed = []
for scale in (10, 40):
    if abs(roc_auc_score(y, scale * logits) - right[0]) > 1e-9:
        changed.append("scikit-learn")
print("scikit-learn:            " + "  ".join(f"{value:.4f}" for value in right))
for n_rows, seen in ((2000, right), (50, right), (10, right), (4, (0.9305, 0.9299)), (1, (0.8911, 0.8725))):
    found = [of_torchmetrics(kind, logits, n_rows) for kind in KINDS]
    print(f"batches of {n_rows}: ".ljust(25) + "  ".join(f"{value:.4f}" for value in found))
    if any(abs(a - b) > 2e-4 for a, b in zip(found, seen)):
        changed.append(f"batches of {n_rows}")
for scale, seen in ((10, (0.9317, 0.9325)), (40, (0.8798, 0.9188))):
    scaled = scale * logits
    found = [of_torchmetrics(BinaryAUROC, scores, N) for scores in (scaled, scaled.double())]
    print(f"logits times {scale}: ".ljust(25) + f"{found[0]:.4f} (float64: {found[1]:.4f})")
    if any(abs(a - b) > 5e-4 for a, b in zip(found, seen)):
        changed.append(f"logits times {scale}")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
