#!/usr/bin/env bash
# imbalanced-learn: SMOTE cuts the decimals off in integer columns, so new rows of the rare class are too small.
#
# Seen with imbalanced-learn 0.14.2, scikit-learn 1.9.1, pandas 3.1.1, without a warning. A new row lies between two
# rows of the rare class, and is then turned into the types of the table; integers lose what follows the point.
# Values move towards 0, by up to a half on the mean. A column of 0 and 1 suffers most: everything between
# is 0. ADASYN and BorderlineSMOTE do the same. Means of the rare class, by SMOTE:
#
#     column                      its rows    new rows    new rows, from floats
#     has a loan (0 or 1)            0.51        0.26         0.50
#     children                       1.50        1.02         1.34
#     change of income, below 0     −3.06       −2.71        −3.04
#
# A model can so tell new rows from real ones, and learns that the rare class has fewer children and loans.
# Floats, rounded afterwards, do not have this.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
  imbalanced-learn==0.14.2 scikit-learn==1.9.1 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import warnings

import imblearn
import numpy as np
import pandas as pd
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE

warnings.simplefilter("error")
print(f"imbalanced-learn {imblearn.__version__}, Python {platform.python_version()}")
N = 2_000
random = np.random.default_rng(0)
y = np.repeat([0, 1], [1_800, 200])
x = pd.DataFrame(
    {
        "children": random.poisson(1.5, N),
        "age": random.integers(18, 80, N),
        "change": -random.poisson(3, N),
        "loan": random.integers(0, 2, N),
    }
)
rare = x[y == 1].mean()
print(f"rows of the rare class: {rare.round(3).to_dict()}")
for sampler in (SMOTE, ADASYN, BorderlineSMOTE):
    as_integers = sampler(random_state=0).fit_resample(x, y)[0].iloc[N:]
    as_floats = sampler(random_state=0).fit_resample(x.astype(float), y)[0].iloc[N:]
    print(f"{sampler.__name__}: {as_integers.mean().round(3).to_dict()}")
    print(f"    from floats: {as_floats.mean().round(3).to_dict()}")
    assert (as_integers.dtypes == x.dtypes).all()
    if len(as_integers) == len(as_floats):
        assert np.array_equal(as_integers, np.trunc(as_floats))
    lost = (as_integers.mean() - as_floats.mean()).abs()
    assert lost["loan"] > 0.15
    assert lost[["children", "change"]].min() > 0.2
PYTHON
