#!/usr/bin/env bash
# PyTorch: set_flush_denormal reaches the calling thread alone, so half of a tensor is flushed; and threads inherit it.
#
# Seen with torch 2.13.0 (CPU), Linux x86-64, two threads. A million numbers of 1e-38 are multiplied by 0.1, twice: with
# `torch.set_flush_denormal(True)`, and again after `set_flush_denormal(False)`.
#
#     the first operation of the process        zeros while it is on    zeros after it is off
#     an addition, before it is on                    524,288                      0
#     the product itself                            1,048,576, all              524,288
#
# In the first case the second thread exists already and keeps subnormal numbers: it computes its half as slowly
# as ever. In the second it is started meanwhile, takes the setting over, and has it for good: switched off, half
# of every large result is still flushed. What a program computes depends on what ran first.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat > "$folder/flush.py" <<'PYTHON'
import sys

import numpy as np
import torch

torch.set_num_threads(2)
n = 1 << 20
x = torch.from_numpy(np.full(n, 1e-38, np.float32))
if sys.argv[1] == "before":
    torch.add(x, x)
torch.set_flush_denormal(True)
on = x.mul(0.1).numpy()
torch.set_flush_denormal(False)
off = x.mul(0.1).numpy()
on, off = (int((found == 0).sum()) for found in (on, off))  # now: a comparison would flush too
print(f"torch {torch.__version__}, threads started {sys.argv[1]}: of {n} numbers, zeros while on {on}, after off {off}")
assert (on, off) == ((n // 2, 0) if sys.argv[1] == "before" else (n, n // 2))
PYTHON
for started in before meanwhile; do
  OMP_NUM_THREADS=2 "$folder/venv/bin/python" "$folder/flush.py" "$started"
done
