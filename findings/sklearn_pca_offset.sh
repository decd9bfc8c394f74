#!/usr/bin/env bash
# scikit-learn's PCA loses its components from 10 rows a column on, where columns are far from 0.
#
# Seen with scikit-learn 1.9.1, NumPy 2.4.6, SciPy 1.17.1 on Linux x86-64. Air pressure at six places, in
# pascal (101,325, with a deviation of 600 in common and of 120 to 15 of its own), as float32, which
# holds it to 0.004. PCA() as it is. Its explained_variance_, by the number of rows:
#
#     59 rows             1.81e6   9799   6030  2844  1023   305
#     60 rows             1.79e6  11470   8613  3166  2145     0
#     60 rows, "full"     1.80e6   9760   6011  2994  1087   323
#     1000 rows           2.04e6  14090  10140  2884  1107     0
#     1000 rows, "full"   2.07e6  12310   6339  3051  1037   447
#
# With 10 rows a column or more svd_solver="auto" takes "covariance_eigh" (since 1.5). That is documented
# to compute the covariance "on centered data". It computes X.T @ X less n times the products of the means:
# two numbers of 1e10 a row, for a difference of 1e2 to 1e6. The components are others too (the cosine
# of the last one with its own is 0.75), and negative variances are made 0: with whiten=True the last code
# has a standard deviation of 3e8, not 1. There is no warning. For temperatures, 290 kelvin with
# deviations of 3 in common and of 1 to 0.05, the last code has 7e5. IncrementalPCA has all six.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import warnings

import numpy as np
import scipy
import sklearn
from sklearn.decomposition import PCA, IncrementalPCA

print(f"Python {platform.python_version()}, scikit-learn {sklearn.__version__},", end=" ")
print(f"NumPy {np.__version__}, SciPy {scipy.__version__}")
warnings.simplefilter("error")  # a warning of fit or transform would end this


def measured(random, level, common, own):
    rows = common * random.standard_normal((1000, 1))
    return level + rows + random.standard_normal((1000, len(own))) * np.array(own)


def exact(x):
    """Return the variances along the components of rows, from the centred rows in float64."""
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    return np.linalg.svd(centred, compute_uv=False) ** 2 / (len(x) - 1)


def worst(model, x):
    """Return the largest relative error of a variance."""
    return np.abs(model.explained_variance_ / exact(x) - 1).max()


changed = []
random = np.random.default_rng(0)
pressure = measured(random, 101_325, 600, (120, 90, 60, 40, 25, 15)).astype(np.float32)
kelvin = measured(random, 290, 3, (1, 0.5, 0.3, 0.2, 0.1, 0.05)).astype(np.float32)
for n_rows in (59, 60, 1000):
    x = pressure[:n_rows]
    for name, model in (
        ("PCA()", PCA()),
        ('PCA(svd_solver="full")', PCA(svd_solver="full")),
        ("IncrementalPCA()", IncrementalPCA()),
    ):
        error = worst(model.fit(x), x)
        variances = " ".join(f"{each:.4g}" for each in model.explained_variance_)
        print(f"{n_rows:4} rows, {name:22} {variances}")
        lost = name == "PCA()" and n_rows >= 60
        if error < 0.3 if lost else error > 0.01:
            changed.append(f"{name} of {n_rows} rows: off by {error:.2g}")
by_default, full = PCA().fit(pressure), PCA(svd_solver="full").fit(pressure)
cosines = np.abs((by_default.components_ * full.components_).sum(axis=1))
print("cosines of the components with those of full:", " ".join(f"{each:.2f}" for each in cosines))
if cosines.min() > 0.95:
    changed.append("the components")
for name, x in (("pressure", pressure), ("kelvin", kelvin)):
    spread = PCA(whiten=True).fit_transform(x).std(axis=0)
    print(f"{name}, whitened: standard deviations", " ".join(f"{each:.3g}" for each in spread))
    if spread.max() < 2:
        changed.append(f"{name}, whitened")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
