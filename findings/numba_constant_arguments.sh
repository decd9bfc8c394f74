#!/usr/bin/env bash
# Numba compiles a function anew for every integer constant that compiled code calls it with.
#
# Seen with Numba 0.68.1, llvmlite as it requires, NumPy 2.4.6 on Linux x86-64, Python 3.11. Called from
# Python with 0, 1 and 2, a compiled function has one version, for int64. Called from another compiled
# function with the constants 0, 1 and 2 and with a variable, it has four: three for `Literal[int]` of
# each value, and one for int64. That does not depend on `numba.literally`, and the function does not ask
# for literals. Each version goes through type inference and LLVM again, and so does everything that it
# calls with the same constant: here two functions, one above the other, are compiled eight times in
# place of two. With `np.intp(0)` in place of `0`, in the call or as a global, there is one version.
#
#     calls                                        versions of the inner function, of the outer one
#     from Python, with 0, 1, 2                    1, 1
#     from compiled code, with 0, 1, 2 and i       4, 4
#     the same with np.intp(0), np.intp(1), ...    1, 1
#
# A kernel that calls helpers with small constants, such as the number of a layer, compiles several
# times as long as it needs to, and nothing is said of it.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numba==0.68.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import time

import llvmlite
import numba
import numpy as np

print(
    f"Python {platform.python_version()}, Numba {numba.__version__}, "
    f"llvmlite {llvmlite.__version__}, NumPy {np.__version__}"
)


def functions():
    """Make an inner and an outer function that no call has compiled yet."""

    @numba.njit
    def inner(x, k):
        total = 0.0
        for i in range(len(x)):
            total += x[i] ** k
        return total

    @numba.njit
    def outer(x, k):
        return inner(x, k) + inner(2 * x, k)

    return inner, outer


def from_python(x):
    inner, outer = functions()
    result = sum(outer(x, k) for k in (0, 1, 2, 1))
    return inner, outer, result


def from_constants(x):
    inner, outer = functions()

    @numba.njit
    def caller(x, i):
        return outer(x, 0) + outer(x, 1) + outer(x, 2) + outer(x, i)

    return inner, outer, caller(x, 1)


def from_variables(x):
    inner, outer = functions()

    @numba.njit
    def caller(x, i):
        return outer(x, np.intp(0)) + outer(x, np.intp(1)) + outer(x, np.intp(2)) + outer(x, i)

    return inner, outer, caller(x, 1)


x, found, results = np.arange(1.0, 5.0), {}, set()
for calls in (from_python, from_constants, from_variables):
    start = time.process_time()
    inner, outer, result = calls(x)
    seconds = time.process_time() - start
    found[calls.__name__] = len(inner.overloads), len(outer.overloads)
    results.add(float(result))
    print(calls.__name__, found[calls.__name__], f"{seconds:.2f} s")
    print("   ", *(str(signature[1]) for signature in outer.signatures))
if len(results) != 1:
    raise SystemExit(f"The results differ: {results}")
if found != {"from_python": (1, 1), "from_constants": (4, 4), "from_variables": (1, 1)}:
    raise SystemExit(f"This has changed: {found}")
PYTHON
