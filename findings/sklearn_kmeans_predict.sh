#!/usr/bin/env bash
# scikit-learn's KMeans.predict puts rows that it has just clustered into other clusters, far from 0.
#
# Seen with scikit-learn 1.9.1, NumPy 2.4.6, SciPy 1.17.1 on Linux x86-64. 5,000 places of a town, in
# metres on a map (UTM: 691 km east, 5,335 km north, eight quarters of 400 m within 12 km), as float32,
# which holds them to 25 cm. KMeans(8) is fitted; the nearest centre of each row is found in long double:
#
#                                    not the nearest centre      sum of squared distances
#     labels_ of fit                       0 of 5000                 1.486e9 (inertia_)
#     predict of the same rows           802 of 5000                 2.378e9 (-score)
#     transform(...).argmin(axis=1)        0 of 5000                 1.486e9
#     labels_ of MiniBatchKMeans        1181 of 5000                 2.625e9 (inertia_)
#
# A place is up to 1,614 m further from the centre that it gets than from its own. `fit` takes the
# mean off all rows first. `predict` and `score`, and MiniBatchKMeans in all it does, do not: they
# compare the centres by |c|**2 - 2 x.c, two numbers of 5e13 whose difference has an error of millions.
# So fit_predict(X), documented as fit(X) followed by predict(X), is something else than that. As float64
# these rows agree; times of some minutes, in seconds since 1970, do not: eight clusters of 5 s within
# two minutes, 37 % of the rows.
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
from sklearn.cluster import KMeans, MiniBatchKMeans

print(f"Python {platform.python_version()}, scikit-learn {sklearn.__version__},", end=" ")
print(f"NumPy {np.__version__}, SciPy {scipy.__version__}")
warnings.simplefilter("error")  # a warning of fit or predict would end this
N_ROWS, N_CLUSTERS = 5000, 8


def clustered(random, origin, extent, spread):
    centres = random.uniform(-extent, extent, (N_CLUSTERS, 2))
    rows = centres[random.integers(N_CLUSTERS, size=N_ROWS)]
    return np.array(origin) + rows + spread * random.standard_normal((N_ROWS, 2))


def squared_distances(x, model):
    exact = x.astype(np.longdouble)[:, None] - model.cluster_centers_
    return (exact**2).sum(axis=2)


changed = []
random = np.random.default_rng(0)
places = clustered(random, (691_000, 5_335_000), 6000, 400)
x = places.astype(np.float32)
assert np.abs(x - places).max() <= 0.25

model = KMeans(N_CLUSTERS, n_init=10, random_state=0).fit(x)
squared = squared_distances(x, model)
nearest = squared.argmin(axis=1)
answers = {
    "labels_": model.labels_,
    "predict": model.predict(x),
    "transform": model.transform(x).argmin(axis=1),
}
rows = np.arange(N_ROWS)
for name, labels in answers.items():
    wrong, total = (labels != nearest).sum(), squared[rows, labels].sum()
    print(f"{name:24} {wrong:4} of {N_ROWS} not the nearest centre, squared distances {total:.4g}")
    if (wrong > 0.05 * N_ROWS) != (name == "predict") or (name != "predict" and wrong):
        changed.append(name)
further = np.sqrt(squared[rows, answers["predict"]]) - np.sqrt(squared[rows, nearest])
print(f"a place is up to {further.max():.0f} m further from the centre that predict answers")
print(f"inertia_ {model.inertia_:.4g}, -score {-model.score(x):.4g} of the same rows")
if further.max() < 500 or -model.score(x) < 1.2 * model.inertia_:
    changed.append("score")

small = MiniBatchKMeans(N_CLUSTERS, n_init=10, random_state=0).fit(x)
wrong = (small.labels_ != squared_distances(x, small).argmin(axis=1)).sum()
print(f"MiniBatchKMeans: {wrong} of {N_ROWS}, inertia_ {small.inertia_:.4g}")
if wrong < 0.05 * N_ROWS:
    changed.append("MiniBatchKMeans")

times = clustered(random, (1_700_000_000, 1_700_000_000), 60, 5)
for name, rows, least, most in (("places", places, 0, 0), ("times", times, 0.05, 1)):
    model = KMeans(N_CLUSTERS, n_init=10, random_state=0).fit(rows)
    share = (model.predict(rows) != model.labels_).mean()
    print(f"{name} as float64: predict differs from labels_ for {share:.0%}")
    if not least <= share <= most:
        changed.append(f"{name} as float64")
if changed:
    raise SystemExit("This has changed: " + "; ".join(changed))
PYTHON
