#!/usr/bin/env bash
# scikit-learn makes float classes of pandas' nullable integers, even where nothing is missing.
#
# Seen with scikit-learn 1.9.1, pandas 3.1.1, NumPy 2.4.6. For labels of type int64 classes_ is int64.
# For the same labels as Int64 (the type that read_parquet and convert_dtypes give) it is float64, so
# predict answers 1.0 for 1 and texts made of labels read "1.0". Labels beyond 2**53 are changed: the
# two identifiers 2**53 and 2**53 + 1 become one class, and the classifier refuses to fit for want of a
# second one.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet scikit-learn==1.9.1 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression

X = np.arange(8.0)[:, None]
y = pd.Series([0, 1] * 4)
identifiers = pd.Series([2**53, 2**53 + 1] * 4)

print(f"scikit-learn {sklearn.__version__}, pandas {pd.__version__}")
kinds = {
    kind: LogisticRegression().fit(X, y.astype(kind)).classes_.dtype for kind in ("int64", "Int64")
}
print("classes_ of small labels:", kinds)
plain = LogisticRegression().fit(X, identifiers).classes_.tolist()
print("classes_ of identifiers as int64:", plain)
try:
    nullable = LogisticRegression().fit(X, identifiers.astype("Int64")).classes_.tolist()
except ValueError as error:
    nullable = str(error)
print("the same as Int64:", nullable)
changed = kinds != {"int64": np.dtype("int64"), "Int64": np.dtype("float64")}
if changed or plain != [2**53, 2**53 + 1] or "only one class" not in str(nullable):
    raise SystemExit("This has changed.")
PYTHON
