#!/usr/bin/env bash
# scikit-learn: MLPClassifier takes 1.7 times as long for an epoch once Adam's means of rare columns have faded away.
#
# Seen with scikit-learn 1.9.1, NumPy 2.4.6, float32, on an Intel Xeon with AVX-512: 5,000 rows of ten columns of
# numbers and a one-hot column of 290 levels (Zipf's law), 200 units, minibatches of 20, one thread.
#
#     epoch                                     1      3      6       9       12
#     seconds                                 0.21   0.32   0.29    0.36    0.35
#     subnormal means, of 60,401                 0      0   12,466  14,851  14,663
#     seconds, with torch.set_flush_denormal  0.21   0.21   0.20    0.21    0.20
#
# The mean gradient of a level that is not seen falls by a tenth at each of 250 steps of an epoch. After some 800 it
# is subnormal, and stays so for good, since 0.9 of the least number is rounded to that number. Processors take
# far longer for such numbers. Nothing says so: the model learns the same, and each epoch takes longer than the last.
#
# The exit code is 1 if this has changed; seconds are printed, and not judged.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet scikit-learn==1.9.1 numpy==2.4.6 torch==2.13.0
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import time

import numpy as np
import sklearn
import torch
from sklearn.neural_network import MLPClassifier

print(f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}")
random, n = np.random.default_rng(0), 5_000
x = np.zeros((n, 300), np.float32)
x[:, :10] = random.standard_normal((n, 10))
x[np.arange(n), 10 + np.minimum(random.zipf(1.3, n), 290) - 1] = 1
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
least = np.finfo(np.float32).tiny


def subnormal(model):
    sizes = [np.abs(mean) for mean in model._optimizer.ms]
    return sum(int(((0 < size) & (size < least)).sum()) for size in sizes)


counts = {}
for flushed in (False, True):
    torch.set_flush_denormal(flushed)
    model = MLPClassifier((200,), batch_size=20, random_state=0)
    counts[flushed] = []
    for epoch in range(1, 13):
        start = time.process_time()
        model.partial_fit(x, y, classes=[0, 1])
        seconds = time.process_time() - start
        counts[flushed].append(subnormal(model))
        if epoch % 3 == 0 or epoch == 1:
            print(f"flushed {flushed}, epoch {epoch}: {seconds:.2f} s, {counts[flushed][-1]} subnormal means")
torch.set_flush_denormal(False)
assert model._optimizer.ms[0].dtype == np.float32
assert counts[False][0] == 0 and counts[False][-1] > 10_000
assert not any(counts[True])
PYTHON
