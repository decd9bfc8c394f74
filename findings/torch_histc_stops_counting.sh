#!/usr/bin/env bash
# torch.histc and torch.histogram: a bin stops counting, at a number that depends on the type and the threads.
#
# Seen with torch 2.13.0 (CPU) on Linux x86-64, without a warning. Each thread counts in the type of the values:
# in float32 a bin stays at 16,777,216 (2^24), in bfloat16 at 256. What the threads counted is then added, so
# more threads count higher. A histogram of the pixels, codes or gradients of a large run is cut off where it
# is highest, and another machine cuts it elsewhere. 40,000,000 zeros in two bins, and 3,000 in bfloat16:
#
#     float32, 1 thread      [0, 16777216]
#     float32, 2 threads     [0, 33554432]
#     float64                [0, 40000000]
#     NumPy, float32         [0, 40000000]
#     bfloat16, 1 thread     [0, 256]
#
# Doubles count right. So do torch.bucketize and torch.bincount, which count in integers.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import platform

import numpy as np
import torch

print(f"torch {torch.__version__}, Python {platform.python_version()}")
N = 40_000_000
zeros = torch.zeros(N)
found = {}
for n_threads in (1, 2):
    torch.set_num_threads(n_threads)
    found[n_threads] = torch.histc(zeros, bins=2, min=-1, max=1).tolist()
    other = torch.histogram(zeros, bins=2, range=(-1.0, 1.0)).hist.tolist()
    print(f"float32, {n_threads} threads: histc {found[n_threads]}, histogram {other}")
    assert other == found[n_threads]
double = torch.histc(zeros.double(), bins=2, min=-1, max=1).tolist()
numpy = np.histogram(zeros.numpy(), bins=2, range=(-1, 1))[0].tolist()
torch.set_num_threads(1)
small = torch.histc(torch.zeros(3_000, dtype=torch.bfloat16), bins=2, min=-1, max=1).tolist()
edges = torch.tensor([-1.0, 0.0, 1.0])
counted = torch.bincount(torch.bucketize(zeros, edges, right=True) - 1, minlength=2).tolist()
print(f"float64 {double}, NumPy {numpy}, bfloat16 of 3,000 {small}, bincount {counted}")

assert found == {1: [0, 2**24], 2: [0, 2 * 2**24]}, found
assert double == numpy == counted == [0, N]
assert small == [0, 256], small
PYTHON
