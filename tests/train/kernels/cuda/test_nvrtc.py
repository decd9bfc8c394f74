"""NVRTC compiles the kernels for each architecture, without a GPU, and needs no more registers."""

import os
import re

import pytest

from sdae.train.engines.cuda_nvidia import circumstances, compiled, cuda_fault
from sdae.train.kernels.cuda.plans import Chip, autoencoder_program, network_program
from sdae.train.kernels.cuda.program import Program
from tests.train.kernels.cuda.chips import A100, H200, RTX_5090

pytestmark = pytest.mark.skipif(
    cuda_fault() is not None and os.environ.get("SDAE_NVRTC") != "required",
    reason=f"NVRTC cannot be used here: {cuda_fault()}",
)
CHIPS = {"sm_80": A100, "sm_90": H200, "sm_120": RTX_5090}
RELU, TANH, LINEAR, SALT_AND_PEPPER = 2, 1, 1, 2


def _autoencoder(chip: Chip) -> Program:
    return autoencoder_program(chip, 784, 1000, 0, 0, 0)


def _wide_autoencoder(chip: Chip) -> Program:
    return autoencoder_program(chip, 4095, 301, TANH, LINEAR, SALT_AND_PEPPER, emphasis=True)


def _network(chip: Chip) -> Program:
    return network_program(chip, (784, 1000, 1000, 1000), 10, 0, dropout=True, input_dropout=True)


def _ragged_network(chip: Chip) -> Program:
    return network_program(chip, (2001, 33, 7), 35, RELU, dropout=False, input_dropout=False)


@pytest.mark.parametrize("architecture", CHIPS)
@pytest.mark.parametrize("plan", [_autoencoder, _wide_autoencoder, _network, _ragged_network])
def test_a_kernel_compiles_without_spilling_registers(plan: object, architecture: str) -> None:
    assert callable(plan)
    binary, said = compiled(plan(CHIPS[architecture]), architecture)
    assert binary.startswith(b"\x7fELF")
    registers = re.search(r"Used (\d+) registers", said)
    assert registers is not None, said
    assert int(registers[1]) <= 255
    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in said


def test_a_binary_depends_on_the_architecture_and_the_compiler() -> None:
    assert re.fullmatch(r"sm_90 c\+\+17 NVRTC \d+\.\d+", circumstances("sm_90"))


def test_the_same_source_gives_the_same_bytes() -> None:
    program = autoencoder_program(H200, 12, 9, 0, 0, 0)
    assert compiled(program, "sm_90")[0] == compiled(program, "sm_90")[0]
