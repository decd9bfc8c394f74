"""The engines on an emulated GPU against those on the CPU, given the same noise and dropout."""

import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.rows import TensorRows
from sdae.train.engines.cuda_finetuning import CudaFinetuning
from sdae.train.engines.cuda_pretraining import CudaPretraining
from sdae.train.engines.fused_finetuning import FusedFinetuning
from sdae.train.engines.fused_pretraining import FusedPretraining
from sdae.train.settings import FinetuningConfig
from tests.train.engines.engines import assert_same_walk, rows
from tests.train.kernels.cuda.emulated import EmulatedDevice, needs_compiler

pytestmark = needs_compiler
N, SEED = 200, 9


@pytest.mark.parametrize("noise", ["masking:0.3", "salt_and_pepper:0.2"])
def test_pretraining_ends_as_on_the_cpu(noise: str) -> None:
    stacks = [
        StackedDenoisingAutoencoder(21, (14,), corruption_levels=noise, seed=3) for _ in range(2)
    ]
    x = TensorRows(torch.from_numpy(rows(N, 21, torch.float32)))
    one, other = (stack.autoencoder(0) for stack in stacks)
    engines = (
        FusedPretraining(one, x, one.corruption, SEED),
        CudaPretraining(other, x, other.corruption, SEED, EmulatedDevice()),
    )
    assert_same_walk(engines, stacks, N)


def test_finetuning_ends_as_on_the_cpu() -> None:
    stacks = [StackedDenoisingAutoencoder(21, (14, 11), 5, seed=3) for _ in range(2)]
    x = TensorRows(torch.from_numpy(rows(N, 21, torch.float32)))
    y = torch.arange(N) % 5
    config = FinetuningConfig(dropout=0.3, input_dropout=0.2)
    engines = (
        FusedFinetuning(stacks[0], x, y, config, SEED),
        CudaFinetuning(stacks[1], x, y, config, SEED, EmulatedDevice()),
    )
    assert_same_walk(engines, stacks, N)
