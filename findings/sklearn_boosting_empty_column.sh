#!/usr/bin/env bash
# Histogram gradient boosting takes missing values, but not a numeric column without a value in fit.
#
# Seen with scikit-learn 1.9.1 on Linux x86-64; 1.7.0 fits. HistGradientBoostingClassifier takes NaN as
# it is. If a numeric column is missing in all rows of fit, 1.9.1 raises a ValueError of NumPy's about
# the shape of a window, which names neither the column nor the gaps; one value in that column is enough
# for it to fit, and as a categorical feature the same column is taken without a word. The regressor
# does the same. Where few rows have labels, a column that is seldom filled is often empty in them: a
# study that leaves gaps to the trees stops there after an upgrade.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 1.7.0 1.9.1; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/python" -m pip install --quiet "scikit-learn==$version" numpy==2.4.6
  "$folder/$version/bin/python" - <<'PYTHON'
import platform

import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

print(f"Python {platform.python_version()}, scikit-learn {sklearn.__version__}, NumPy {np.__version__}")
X = np.random.default_rng(0).normal(size=(60, 2))
y = (X[:, 0] > 0).astype(int)
empty, one_value = X.copy(), X.copy()
empty[:, 1] = np.nan
one_value[:-1, 1] = np.nan

seen = {}
for kind in (HistGradientBoostingClassifier, HistGradientBoostingRegressor):
    for name, rows, options in (
        ("a column without a value", empty, {}),
        ("a column with one value", one_value, {}),
        ("without a value, declared categorical", empty, {"categorical_features": [1]}),
    ):
        try:
            kind(**options).fit(rows, y)
            said = "fits"
        except ValueError as error:
            said = f"ValueError: {error}"
        seen[kind.__name__, name] = said
        print(f"{kind.__name__:32} {name:40} {said}")

refused = [said for (_, name), said in seen.items() if name == "a column without a value"]
others = [said for (_, name), said in seen.items() if name != "a column without a value"]
is_old = sklearn.__version__ == "1.7.0"
expected = "fits" if is_old else "window shape"
if not all(expected in said for said in refused) or set(others) != {"fits"}:
    raise SystemExit("This has changed.")
PYTHON
done
