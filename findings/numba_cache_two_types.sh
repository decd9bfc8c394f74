#!/usr/bin/env bash
# Numba's cache keeps code for the wrong type, for good, where two processes compile at once.
#
# Seen with Numba 0.68.1, llvmlite as it wants, NumPy 2.4.6 on Linux x86-64. Two processes call the same
# functions, decorated with njit(cache=True), for the first time and at the same moment: one with float32, one
# with float64. Each gets its right answers. Of forty functions one or two are spoiled: in every later process
#
#     TypeError: can't unbox array from PyObject into native value.  The object maybe of a different type
#
# for one of the two types, although each had been compiled. A function's files are numbered: both processes
# read an index without entries, both take number 1, and the last index and the last code that are written
# need not be of the same process. Files are put in place by a rename, so each of them is whole; nothing
# locks the two together. Only deleting the cache helps. So do names of files that no other process has.
#
# Processes are started together up to eight times. The exit code is 1 if nothing is spoiled then.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numba==0.68.1 numpy==2.4.6
cd "$folder"
python3 - > functions.py <<'PYTHON'
print("import numba\n")
for number in range(40):
    print(f"\n@numba.njit(cache=True)\ndef plus_{number}(x):\n    return x + {number}\n")
PYTHON
cat > together.py <<'PYTHON'
import sys
import time

import functions
import numpy as np

x, start = np.ones(3, sys.argv[1]), float(sys.argv[2])
for number in range(40):
    while time.time() < start + 0.5 * number:
        pass
    found = getattr(functions, f"plus_{number}")(x)
    assert found.dtype == x.dtype and found[0] == 1 + number
PYTHON
cat > later.py <<'PYTHON'
import sys

import functions
import numpy as np

spoiled = []
for number in range(40):
    for kind in ("float32", "float64"):
        try:
            found = getattr(functions, f"plus_{number}")(np.ones(3, kind))
        except TypeError as error:
            spoiled.append(f"plus_{number}, {kind}: {error}")
        else:
            assert found.dtype == kind and found[0] == 1 + number
print("\n".join(spoiled))
sys.exit(not spoiled)
PYTHON
for round in 1 2 3 4 5 6 7 8; do
    export NUMBA_CACHE_DIR="$folder/cache-$round"
    start=$(python3 -c "import time; print(time.time() + 8)")
    venv/bin/python together.py float32 "$start" &
    one=$!
    venv/bin/python together.py float64 "$start"
    wait "$one"
    if first=$(venv/bin/python later.py); then
        second=$(venv/bin/python later.py)
        echo "Round $round, a later process:"
        echo "$first"
        [ "$first" = "$second" ] && echo "The next process: the same." && exit 0
        echo "The next process: $second"
        exit 1
    fi
done
echo "This has changed: no code was spoiled in eight rounds."
exit 1
