#!/usr/bin/env bash
# scikit-learn's cross-validation splits a parameter of fit if it happens to be as long as X.
#
# Seen with scikit-learn 1.9.1. What cross_val_score(..., params=...) hands to fit is cut to the rows of
# the training fold if its length is that of X, and given whole otherwise: there is no other test. A
# second table for fit (rows without labels, a background sample, prototypes) of 59 or 61 rows
# arrives whole beside 60 rows of X; one of 60 rows arrives as 40, chosen by the folds of X.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

seen = []


class WithBackground(DummyClassifier):
    def fit(self, X, y, background=None):
        seen.append(len(background))
        return super().fit(X, y)


X, y = np.zeros((60, 2)), np.arange(60) % 2
print(f"scikit-learn {sklearn.__version__}: 60 rows of X, 3 folds")
found = {}
for n_rows in (59, 60, 61):
    seen.clear()
    cross_val_score(WithBackground(), X, y, cv=3, params={"background": np.ones((n_rows, 2))})
    found[n_rows] = list(seen)
    print(f"background of {n_rows} rows: fit gets {seen}")
if found != {59: [59] * 3, 60: [40] * 3, 61: [61] * 3}:
    raise SystemExit("This has changed.")
PYTHON
