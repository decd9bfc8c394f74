#!/usr/bin/env bash
# scikit-learn reads the column names of a pyarrow Table, but not of a RecordBatch of the same columns.
#
# Seen with scikit-learn 1.9.1, pyarrow 26.0.1, NumPy 2.4.6. A Table sets feature_names_in_ and a
# permuted Table is refused. A RecordBatch is what ParquetFile.iter_batches yields, so it is what
# partial_fit gets from a file: it sets no names, and batches with permuted columns are accepted
# without a word. The sums that the scaler keeps are then of different columns.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet scikit-learn==1.9.1 pyarrow==26.0.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pyarrow as pa
import sklearn
from sklearn.preprocessing import StandardScaler

table = pa.table({"length": np.arange(6.0), "width": 100 + np.arange(6.0)})
permuted = table.select(["width", "length"])

print(f"scikit-learn {sklearn.__version__}, pyarrow {pa.__version__}")
of_table = StandardScaler().partial_fit(table)
try:
    of_table.partial_fit(permuted)
    refused = False
except ValueError:
    refused = True
print("Table:       names", of_table.feature_names_in_.tolist(), "| permuted one refused:", refused)

of_batches = StandardScaler().partial_fit(table.to_batches()[0])
of_batches.partial_fit(permuted.to_batches()[0])
names = getattr(of_batches, "feature_names_in_", None)
print("RecordBatch: names", names, "| permuted one accepted, means", of_batches.mean_)
if not refused or names is not None or not np.allclose(of_batches.mean_, 52.5):
    raise SystemExit("This has changed.")
PYTHON
