#!/usr/bin/env bash
# scikit-learn's LabelSpreading gives rows that no label reached the first class, and fit says nothing.
#
# Seen with scikit-learn 1.9.1, NumPy 2.4.6, SciPy 1.17.1 on Linux x86-64. Five labels of each class,
# the other rows of load_digits and load_breast_cancer without; kernel="knn" with its defaults. No label
# comes to some rows: they are zeros in `label_distributions_`, `transduction_` has classes_[0] for
# them, and `fit` neither warns nor counts them (`predict` gives the same class, in part with NumPy's
# warning of a division). They are not cut off: each has a way through the graph to a label, of up to 19
# steps. But what is left of a label falls to alpha (0.2) at each step, and spreading ends as soon as
# all changes of a step add up to less than tol (0.001), after five or six of them. As this is before
# `max_iter` (30), there is no ConvergenceWarning either. A tol of 1e-18 reaches all of them.
#
#              rows   no label came to   of these it could   with tol=1e-18 none came to
#     digits   1747         22                 22                      0
#     cancer    559        187                187                      0
#
# LabelSpreading() as it is, on the unscaled columns of digits, leaves all 1747 rows without a label:
# gamma=20 makes every similarity 0, and each of them is answered with the digit 0.
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
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading

print(f"Python {platform.python_version()}, scikit-learn {sklearn.__version__},", end=" ")
print(f"NumPy {np.__version__}, SciPy {scipy.__version__}")
warnings.simplefilter("error")  # a warning of fit would end this


def few_labels(y):
    random, few = np.random.default_rng(0), np.full(len(y), -1)
    for each in np.unique(y):
        chosen = random.choice(np.flatnonzero(y == each), 5, replace=False)
        few[chosen] = each
    return few


def empty(x, few, **settings):
    """Return the rows that no label reached, after a look at what they are answered with."""
    model = LabelSpreading(**settings).fit(x, few)
    rows = np.flatnonzero(model.label_distributions_.sum(axis=1) == 0)
    assert model.n_iter_ < model.max_iter
    assert (model.transduction_[rows] == model.classes_[0]).all()
    return rows


def steps_from_labels(x, few):
    """Return how many steps of the graph of 7 neighbours a label needs to each row; -1 for never."""
    graph = kneighbors_graph(x, 7, include_self=True)
    steps = np.where(few >= 0, 0, -1)
    for step in range(1, len(x)):
        came = (graph @ (steps >= 0) > 0) & (steps < 0)
        if not came.any():
            break
        steps[came] = step
    return steps


changed = []
for name, load in (("digits", load_digits), ("cancer", load_breast_cancer)):
    x, y = load(return_X_y=True)
    few = few_labels(y)
    rows, steps = empty(x, few, kernel="knn"), steps_from_labels(x, few)
    n_reachable, n_late = (steps[rows] > 0).sum(), len(empty(x, few, kernel="knn", tol=1e-18))
    print(f"{name}: {(few < 0).sum()} rows, no label came to {len(rows)};", end=" ")
    print(f"it could to {n_reachable}, in up to {steps[rows].max()} steps;", end=" ")
    print(f"with tol=1e-18 none came to {n_late}")
    if not n_reachable or n_late != len(rows) - n_reachable:
        changed.append(name)
    if name == "digits":
        rows = empty(x, few)
        print(f"{name}, rbf: no label came to {len(rows)}")
        if len(rows) != (few < 0).sum():
            changed.append(f"{name}, rbf")
if changed:
    raise SystemExit("This has changed: " + ", ".join(changed))
PYTHON
