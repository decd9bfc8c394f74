"""Compiled kernels are kept on the disk, and training does without where that cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdae.core.kernels.cache_folder import can_be_written

ROOT = Path(__file__).parents[3]
TRAIN = """
import hashlib, torch
torch.set_num_threads(1)
{before}
from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from tests.train.engines.engines import rows
from sdae.train.kernels.fused.autoencoder_step import train_slice
from sdae.core.kernels.compiling import is_cold
stack = StackedDenoisingAutoencoder(40, (20,), 3, corruption_levels=0.2)
cold = is_cold(train_slice)
x = rows(300, 40, torch.float32)
pretrain(stack, x, epochs=1, learning_rate=0.1, engine="fused")
finetune(stack, (x, torch.arange(300) % 3), None, epochs=1, engine="fused")
parameters = b"".join(p.detach().numpy().tobytes() for p in stack.parameters())
print(cold, is_cold(train_slice), hashlib.sha256(parameters).hexdigest())
"""
READ_ONLY = """
from sdae.core.kernels import cache_folder
cache_folder.can_be_written = lambda folder: False
"""
NOWHERE = f"""{READ_ONLY}
cache_folder.private_copy = lambda name, room, wished: None
"""


def _start(cache: Path, before: str = "") -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", TRAIN.format(before=before)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _said(process: "subprocess.Popen[str]") -> list[str]:
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out.split()


@pytest.mark.slow
def test_cold_starts_at_once_and_a_warm_one_and_one_without_a_cache_agree(tmp_path: Path) -> None:
    both_cold = [_start(tmp_path), _start(tmp_path)]
    first, second = (_said(process) for process in both_cold)
    assert first[0] == second[0] == "True"
    assert list(tmp_path.rglob("*.nbc"))
    warm = _said(_start(tmp_path))
    assert warm[0] == "False"
    read_only = _said(_start(tmp_path, READ_ONLY))
    assert read_only[0] == "False"
    uncached = _said(_start(tmp_path, NOWHERE))
    assert uncached[0] == "True"
    assert {line[1] for line in (first, second, warm, read_only, uncached)} == {"False"}
    assert len({line[2] for line in (first, second, warm, read_only, uncached)}) == 1


def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert not can_be_written(tmp_path / "file" / "kernels")
    assert can_be_written(tmp_path / "new" / "kernels")
    assert list((tmp_path / "new" / "kernels").iterdir()) == []
