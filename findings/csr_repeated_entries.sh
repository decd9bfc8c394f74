#!/usr/bin/env bash
# scikit-learn, LightGBM: a sparse table that names a cell more than once has wrong variances, distances and values.
#
# Seen with scikit-learn 1.9.1, LightGBM 4.7.0, SciPy 1.17.1, NumPy 2.4.6 on Linux x86-64. SciPy adds up the
# entries of one cell, and its help for `csr_matrix` builds a table of word counts like that: a 1 for each
# time a word comes. `toarray`, products and `log1p` of SciPy know it. Here are such counts of 2,000 rows,
# 31,160 cells in 60,009 entries. On the right is the same table after `sum_duplicates()`:
#
#     smallest variance, StandardScaler(with_mean=False)    -0.82    1.38
#     longest row after normalize                            2.20    1
#     smallest idf of TfidfTransformer                       0.57    1.23
#     median cosine_similarity                               1.48    0.62
#     median euclidean_distances                             0       7.55
#     accuracy of 15 nearest neighbours                      0.40    0.77
#     accuracy of LGBMClassifier, of a single count          0.56    1.00
#     accuracy of LogisticRegression, the same               1.00    1.00
#
# Only the scaler warns, of a root of a number below 0. Some functions sum in place (SciPy's `log1p` does), so
# that a later step is right or wrong by what came before it.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
  scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6 lightgbm==4.7.0
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import warnings

import lightgbm
import numpy as np
import scipy
import sklearn
from lightgbm import LGBMClassifier
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, normalize

warnings.filterwarnings("ignore", message="X does not have valid feature names")
print(f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__},", end=" ")
print(f"LightGBM {lightgbm.__version__}, NumPy {np.__version__}, Python {platform.python_version()}")
documents = np.random.default_rng(0).poisson(1.5, (2_000, 20))
indptr, indices, data = [0], [], []
for counts in documents:
    for word in np.repeat(np.arange(20), counts).tolist():
        indices.append(word)
        data.append(1)
    indptr.append(len(indices))
repeated = csr_matrix((data, indices, indptr), shape=documents.shape, dtype=np.float64)
repeated.check_format(full_check=True)
once = repeated.copy()
once.sum_duplicates()
assert np.array_equal(repeated.toarray(), documents) and np.array_equal(once.toarray(), documents)
assert abs(repeated.copy().log1p() - once.copy().log1p()).max() == 0
print(f"{once.nnz:,} cells, {repeated.nnz:,} entries")
y = (documents[:, 0] > 1).astype(int)
nearest = documents.sum(axis=1) > 30


def scaled(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return StandardScaler(with_mean=False).fit(x).var_.min()


def lengths(x):
    return np.linalg.norm(normalize(x).toarray(), axis=1).max()


def tfidf(x):
    return TfidfTransformer().fit(x).idf_.min()


def cosine(x):
    return np.median(cosine_similarity(x))


def distance(x):
    return np.median(euclidean_distances(x[:1_000].copy(), x[1_000:].copy()))


def accuracy(model, y):
    def found(x):
        model.fit(x[:1_000].copy(), y[:1_000])
        return (model.predict(x[1_000:].copy()) == y[1_000:]).mean()

    return found


for name, found, differs in (
    ("smallest variance, StandardScaler", scaled, True),
    ("longest row, normalize", lengths, True),
    ("smallest idf, TfidfTransformer", tfidf, True),
    ("median cosine", cosine, True),
    ("median distance", distance, True),
    ("nearest neighbours, accuracy", accuracy(KNeighborsClassifier(15), nearest), True),
    ("LightGBM, accuracy", accuracy(LGBMClassifier(n_estimators=20, n_jobs=2, verbose=-1), y), True),
    ("logistic regression, accuracy", accuracy(LogisticRegression(max_iter=1_000), y), False),
):
    seen, right = found(repeated.copy()), found(once.copy())
    print(f"{name}: {seen:.3f}, as it should be {right:.3f}")
    assert (abs(seen - right) > 0.02) == differs, name
reference = documents.var(axis=0).min(), 1.0
assert np.allclose((scaled(once), lengths(once)), reference) and scaled(repeated) < 0
PYTHON
