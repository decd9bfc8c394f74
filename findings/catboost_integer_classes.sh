#!/usr/bin/env bash
# CatBoost: integer class labels go through float32, so large ones come back changed, and neighbours become one class.
#
# Seen with catboost 1.2.10, NumPy 2.4.6, scikit-learn 1.9.1 (CPU), without a warning. The docstring of `fit`
# allows "class labels (boolean, integer or string)". Above 2**24 = 16,777,216 a float32 holds even numbers
# only, from 33.5 million on every fourth. Four product codes of eight digits, which a split tells apart:
#
#     labels                                  classes_                                 accuracy
#     43211501, ...503, ...504, ...507        43211500, 43211504, 43211508               0.23
#     the same, as pandas' Series of int64    43211500, 43211504, 43211508               0.23
#     the same, as texts                      all four                                   1.00
#     the same less 43,210,000                all four                                   1.00
#     two of them, 43211501 and 43211507      43211500, 43211508                         0.00
#
# `predict` answers labels that no row has, as int64, and `predict_proba` has a column too few. `score`
# says 0.00 in the last case, although the trees are right. Where all labels become one, CatBoost complains
# that the target has only one unique value. scikit-learn's boosting gets all of them right.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
  catboost==1.2.10 scikit-learn==1.9.1 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import warnings

import catboost
import numpy as np
import pandas as pd
from catboost import CatBoostClassifier
from sklearn.ensemble import HistGradientBoostingClassifier

warnings.simplefilter("error")
print(f"catboost {catboost.__version__}, NumPy {np.__version__}, Python {platform.python_version()}")
CODES = np.array([43211501, 43211503, 43211504, 43211507])
x = np.random.default_rng(0).normal(size=(1_200, 4))
y = CODES[x.argmax(axis=1)]
two = np.where(x[:, 0] > 0, CODES[0], CODES[3])


def fitted(name, y):
    """Return the classes of a model of y, and how many rows just fitted it labels right."""
    model = CatBoostClassifier(iterations=50, random_seed=0, verbose=0, allow_writing_files=False).fit(x, y)
    share = float((model.predict(x).ravel() == np.asarray(y)).mean())
    assert share == model.score(x, y)
    assert model.predict_proba(x).shape == (len(x), len(model.classes_))
    print(f"{name}: classes {model.classes_.tolist()}, accuracy {share:.2f}")
    return model.classes_, share


as_float32 = np.unique(CODES.astype(np.float32)).astype(np.int64)
assert len(as_float32) == 3
for name, labels in (("integers", y), ("a Series", pd.Series(y))):
    classes, share = fitted(name, labels)
    assert np.array_equal(np.sort(classes), as_float32) and share < 0.4
for name, labels in (("texts", y.astype(str)), ("less 43,210,000", y - 43_210_000)):
    classes, share = fitted(name, labels)
    assert len(classes) == 4 and share > 0.95
classes, share = fitted("two of them", two)
assert not set(classes.tolist()) & set(two.tolist()) and share == 0
classes, share = fitted("two of them as texts", two.astype(str))
assert share > 0.99
for labels in (y, two):
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(x, labels)
    print(f"scikit-learn: classes {model.classes_.tolist()}, accuracy {model.score(x, labels):.2f}")
    assert np.array_equal(model.classes_, np.unique(labels)) and model.score(x, labels) > 0.95
PYTHON
