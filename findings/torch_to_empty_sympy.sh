#!/usr/bin/env bash
# torch: the first `to_empty` of a layer made on the meta device imports SymPy.
#
# Seen with torch 2.13.0 (CPU) on Linux x86-64, Python 3.11. `nn.Linear(..., device="meta")` followed by
# `to_empty(device="cpu")` is the documented way to make a layer without initialising it, also in
# `torch.nn.utils.skip_init`. `import torch` does without SymPy; the first `to_empty` goes through torch's
# Python references for `empty_like` into `torch.fx.experimental.symbolic_shapes`, which imports SymPy and
# some hundred modules with it. Replacing the parameters of the layer by `torch.empty` does not. So a
# program whose network is small spends more on allocating it than on fitting it.
#
#     nn.Parameter(torch.empty)   0.002 s, SymPy is not imported
#     first to_empty              0.48 s, SymPy is imported
#     second to_empty             0.001 s
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import sys
import time

import torch
from torch import nn

print(f"Python {platform.python_version()}, torch {torch.__version__}")


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def replaced():
    layer = nn.Linear(3, 2, device="meta")
    layer.weight = nn.Parameter(torch.empty(2, 3))
    layer.bias = nn.Parameter(torch.empty(2))


def emptied():
    nn.Linear(3, 2, device="meta").to_empty(device="cpu")


def has_sympy():
    return "sympy" in sys.modules


seen = [has_sympy()]
print(f"replaced: {seconds(replaced):.4f} s, SymPy is imported: {has_sympy()}")
seen.append(has_sympy())
print(f"first to_empty: {seconds(emptied):.4f} s, SymPy is imported: {has_sympy()}")
seen.append(has_sympy())
print(f"second to_empty: {seconds(emptied):.4f} s")
if seen != [False, False, True]:
    raise SystemExit(f"This has changed: SymPy after import, replacing, to_empty: {seen}")
PYTHON
