#!/usr/bin/env bash
# scikit-learn's MLPClassifier weighs a row against its own minibatch only: alone in it, no weight counts.
#
# Seen with scikit-learn 1.9.1, NumPy 2.4.6, SciPy 1.17.1 on Linux x86-64, without a warning. `sample_weight`
# came with 1.7. Each step divides by the sum of the weights *of the minibatch*, so a batch of light rows
# moves the network as far as one of heavy rows. 1,000 rows without a feature, half of them of class 1, with
# weight 1, the others with 0.1: the probability of class 1 should be 1 / 1.1. It is, by batch_size,
#
#     1 0.50     2 0.71     4 0.84     10 0.89     200 ("auto") 0.91     lbfgs 0.91
#
# load_breast_cancer, the class of 212 rows with weight 0.01: the share of them that is found,
#
#     batch_size                        1      2      5      10      50     200     569
#     with these weights             0.99   0.99   0.95    0.91    0.72    0.59    0.58
#     without weights                0.99   0.99   0.99    0.99    0.97    0.96    0.87
#
# With batch_size=1 and alpha=0 the network is the one without weights, bit for bit, where the weights are
# powers of 2; so is the one of partial_fit, a row at a time. (The penalty `alpha` is divided by the weights
# too, so a light row of its own shrinks the network more.) And if all rows of a minibatch have weight 0,
# `fit` ends with "ZeroDivisionError: Weights sum to zero, can't be normalized", while lbfgs takes them.
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
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

print(f"Python {platform.python_version()}, scikit-learn {sklearn.__version__},", end=" ")
print(f"NumPy {np.__version__}, SciPy {scipy.__version__}")
warnings.simplefilter("error")  # a warning of the weights would end this
warnings.simplefilter("ignore", ConvergenceWarning)  # all networks are trained equally long


def network(hidden, batch_size="auto", n_epochs=20, **others):
    return MLPClassifier(
        hidden, batch_size=batch_size, max_iter=n_epochs, random_state=0, **others
    )


def bits(model):
    return b"".join(each.tobytes() for each in model.coefs_ + model.intercepts_)


changed = []
y = np.arange(1000) % 2
nothing, weights = np.zeros((1000, 1)), np.where(y == 1, 1.0, 0.1)
answers = {}
for batch_size in (1, 2, 4, 10, 200):
    n_epochs = max(60, 3 * batch_size)
    settings = {"alpha": 0, "learning_rate_init": 0.002, "n_iter_no_change": n_epochs}
    model = network((), batch_size, n_epochs, **settings)
    model.fit(nothing, y, sample_weight=weights)
    answers[batch_size] = model.predict_proba(nothing[:1])[0, 1]
by_lbfgs = network((), solver="lbfgs", alpha=0).fit(nothing, y, sample_weight=weights)
answers["lbfgs"] = by_lbfgs.predict_proba(nothing[:1])[0, 1]
print("class 1, of 0.909:", ", ".join(f"{name} {each:.3f}" for name, each in answers.items()))
if abs(answers[1] - 0.5) > 0.05 or not answers[1] < answers[2] < answers[4] < answers[10]:
    changed.append("rows without a feature")
if max(abs(answers[each] - 1 / 1.1) for each in (200, "lbfgs")) > 0.01:
    changed.append("lbfgs")

x, y = load_breast_cancer(return_X_y=True)
x = scale(x)
light = np.where(y == 1, 1.0, 0.01)
shares = {}
for batch_size in (1, 2, 5, 10, 50, 200, 569):
    pair = []
    for weights in (light, None):
        model = network((20,), batch_size, alpha=0, learning_rate_init=0.003)
        pair.append((model.fit(x, y, sample_weight=weights).predict(x[y == 0]) == 0).mean())
    shares[batch_size] = pair
    print(f"batches of {batch_size}: found {pair[0]:.2f}, without weights {pair[1]:.2f}")
if shares[1][0] != shares[1][1] or shares[200][0] > 0.7 or shares[200][1] < 0.9:
    changed.append("the shares")

halved = np.where(y == 1, 1.0, 2.0**-7)
for solver in ("sgd", "adam"):
    settings = {"alpha": 0, "solver": solver}
    plain, weighted = (
        network((20,), 1, 5, **settings).fit(x, y, sample_weight=each) for each in (None, halved)
    )
    in_parts = [network((20,), 1, **settings) for _ in range(2)]
    for row in range(len(y)):
        one = slice(row, row + 1)
        in_parts[0].partial_fit(x[one], y[one], classes=[0, 1])
        in_parts[1].partial_fit(x[one], y[one], sample_weight=halved[one], classes=[0, 1])
    equal = bits(plain) == bits(weighted), bits(in_parts[0]) == bits(in_parts[1])
    print(f"{solver}: as without weights, bit for bit: fit {equal[0]}, partial_fit {equal[1]}")
    if equal != (True, True):
        changed.append(f"the bits of {solver}")

few = np.where(np.arange(len(y)) % 20 == 0, 1.0, 0.0)
network((20,), solver="lbfgs").fit(x, y, sample_weight=few)
try:
    network((20,), 10).fit(x, y, sample_weight=few)
except ZeroDivisionError as error:
    print(f"a weight for every twentieth row: {error}")
else:
    changed.append("minibatches of weight 0")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
