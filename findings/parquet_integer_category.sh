#!/usr/bin/env bash
# A category of integers goes into a Parquet file and comes back as numbers; one of texts comes back.
#
# Seen with pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0 on Linux x86-64. A data frame with a category
# of texts and one of integers is written by DataFrame.to_parquet. What three libraries read:
#
#              texts                          integers
#     pandas   category                       int64
#     pyarrow  dictionary<values=string ...>  int64
#     polars   Categorical                    Int64
#
# pyarrow restores a dictionary only where its values are texts or bytes: a column of integers comes
# back as numbers, with `read_dictionary` too, without a word, and pandas, which writes and reads
# through it, loses its own category. That it was one still stands in the file, in the schema that
# pyarrow keeps under the key ARROW:schema, and does not apply here. So a model that takes declared
# categories apart from numbers learns another column from the file than from the data frame that was
# written into it. Feather (IPC) keeps both.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import base64
import platform
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

print(
    f"Python {platform.python_version()}, pyarrow {pa.__version__}, pandas {pd.__version__}, "
    f"polars {pl.__version__}"
)
path = Path(sys.argv[1], "table.parquet")
table = pd.DataFrame({"text": ["x", "y", "x"], "code": [30, 10, 30]}, dtype="category")
table.to_parquet(path, engine="pyarrow")

in_pandas = pd.read_parquet(path, engine="pyarrow")
in_arrow = pq.read_table(path, read_dictionary=["text", "code"])
in_polars = pl.read_parquet(path)
kept = pa.ipc.read_schema(
    pa.py_buffer(base64.b64decode(pq.ParquetFile(path).metadata.metadata[b"ARROW:schema"]))
)
feather.write_feather(pa.Table.from_pandas(table), Path(sys.argv[1], "table.feather"))
in_feather = feather.read_table(Path(sys.argv[1], "table.feather"))

rows = {
    "pandas": [str(in_pandas[name].dtype) for name in table],
    "pyarrow": [str(in_arrow.schema.field(name).type) for name in table],
    "polars": [str(in_polars.schema[name]) for name in table],
    "the schema kept in the file": [str(kept.field(name).type) for name in table],
    "Feather, by pyarrow": [str(in_feather.schema.field(name).type) for name in table],
}
for name, kinds in rows.items():
    print(f"{name:28} texts: {kinds[0]:50} integers: {kinds[1]}")

expected = {
    "pandas": ("category", "int64"),
    "pyarrow": ("dictionary", "int64"),
    "polars": ("Categorical", "Int64"),
    "the schema kept in the file": ("dictionary", "dictionary"),
    "Feather, by pyarrow": ("dictionary", "dictionary"),
}
changed = [
    name
    for name, kinds in rows.items()
    if not all(kind.startswith(start) for kind, start in zip(kinds, expected[name]))
]
if changed:
    raise SystemExit("This has changed: " + ", ".join(changed))
PYTHON
