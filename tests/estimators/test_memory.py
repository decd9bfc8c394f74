"""A sparse matrix is never dense as a whole: 200,000 × 5,000 would take 4 GB."""

import subprocess
import sys
from pathlib import Path

import pytest

FIT = """
import threading
import numpy as np
from scipy import sparse
from sdae import SDAEClassifier

def anonymous():
    status = open("/proc/self/status").read()
    return int(status.split("RssAnon:")[1].split()[0]) / 2**20

peak, done = [0.0], threading.Event()
def watch():
    while not done.wait(0.02):
        peak.append(anonymous())

watcher = threading.Thread(target=watch)
watcher.start()
rng = np.random.default_rng(0)
x = sparse.random_array((200_000, 5_000), density=0.001, format="csr", rng=rng, dtype=np.float32)
y = np.asarray(x[:, :100].sum(axis=1)).ravel() > 0
model = SDAEClassifier((20,), pretrain_epochs=1, max_iter=1, batch_size=1000, random_state=0)
model.fit(x, y)
codes = model.transform(x)
done.set()
watcher.join()
assert codes.shape == (200_000, 20)
print(max(peak))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_fitting_a_large_sparse_matrix_takes_less_than_1_5_gib() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FIT], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 1.5
