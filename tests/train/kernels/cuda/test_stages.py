"""`pretrain` and `finetune` with the engines on an emulated GPU: history, codes, checkpoints."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sdae import Checkpoint, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.corruption import Noise
from sdae.core.rows import RowSource
from sdae.train import finetuning, pretraining
from sdae.train.engines.cuda_finetuning import CudaFinetuning
from sdae.train.engines.cuda_pretraining import CudaPretraining
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from tests.train.engines.engines import assert_same, rows
from tests.train.kernels.cuda.emulated import EmulatedDevice, needs_compiler

pytestmark = needs_compiler
X, Y = rows(90, 12, torch.float32), np.arange(90) % 3


@pytest.fixture
def _on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both stages take the engines on an emulated GPU, with slices of 64 rows."""
    monkeypatch.setattr("sdae.train.engines.cuda_device._MOST_SAMPLES", 64)

    def for_pretraining(
        autoencoder: DenoisingAutoencoder,
        x: RowSource,
        noise: Noise,
        _config: PretrainingConfig,
        seed: int,
        _processes: object,
    ) -> CudaPretraining:
        return CudaPretraining(autoencoder, x, noise, seed, EmulatedDevice())

    def for_finetuning(
        stack: StackedDenoisingAutoencoder,
        x: RowSource,
        y: Tensor,
        config: FinetuningConfig,
        seed: int,
        *_others: object,
    ) -> CudaFinetuning:
        return CudaFinetuning(stack, x, y, config, seed, EmulatedDevice())

    monkeypatch.setattr(pretraining, "pretraining_engine", for_pretraining)
    monkeypatch.setattr(finetuning, "finetuning_engine", for_finetuning)


class Interrupted(Exception):
    """Stands for a signal."""


def _stack() -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(12, (9, 5), 3, corruption_levels=0.2, seed=3)


def _train(stack: StackedDenoisingAutoencoder, folder: Path | None, n_slices: int = 99) -> set[str]:
    """Train both stages with a checkpoint after each slice; return the names of the engines."""
    left = [n_slices]

    def interruption() -> Interrupted | None:
        left[0] -= 1
        return Interrupted() if left[0] == 0 else None

    def checkpoint(name: str) -> Checkpoint | None:
        if folder is None:
            return None
        return Checkpoint(folder / name, every="1steps", interruption=interruption)

    one = pretrain(
        stack, X, epochs=2, learning_rate=0.05, shuffle=True, checkpoint=checkpoint("first")
    )
    two = finetune(
        stack,
        (X, Y),
        None,
        epochs=2,
        learning_rate=0.1,
        dropout=0.2,
        checkpoint=checkpoint("second"),
    )
    return {record.engine for record in (*one.records, *two.records)}


def test_both_stages_end_as_on_the_cpu(
    request: pytest.FixtureRequest,
) -> None:
    on_cpu, on_gpu = _stack(), _stack()
    assert _train(on_cpu, None) == {"fused"}
    request.getfixturevalue("_on_gpu")
    assert _train(on_gpu, None) == {"fused"}
    assert_same(on_gpu, on_cpu, 1e-5)


@pytest.mark.usefixtures("_on_gpu")
@pytest.mark.parametrize("n_slices", [3, 9])
def test_an_interrupted_training_ends_with_the_same_bytes(n_slices: int, tmp_path: Path) -> None:
    unbroken, broken = _stack(), _stack()
    _train(unbroken, tmp_path / "unbroken")
    with pytest.raises(Interrupted):
        _train(broken, tmp_path / "broken", n_slices)
    broken = _stack()
    _train(broken, tmp_path / "broken")
    assert all(map(torch.equal, unbroken.parameters(), broken.parameters()))
