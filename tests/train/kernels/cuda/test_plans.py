"""How networks are laid out on chips, and what does not fit."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

import pytest

from sdae.train.kernels.cuda.plans import (
    Chip,
    DoesNotFitError,
    autoencoder_program,
    network_program,
)
from sdae.train.kernels.cuda.program import Program
from tests.train.kernels.cuda.chips import A100, H200, RTX_3050, RTX_5090

NO = {"dropout": False, "input_dropout": False}


@pytest.mark.parametrize(
    ("chip", "n_blocks", "kept", "shared_bytes"),
    [(H200, 125, 8, 1920), (A100, 100, 10, 3200), (RTX_5090, 167, 6, 1920)],
)
def test_the_tutorials_autoencoder_has_all_weights_in_registers(
    chip: Chip, n_blocks: int, kept: int, shared_bytes: int
) -> None:
    program = autoencoder_program(chip, 784, 1000, 0, 0, 0)
    assert program.n_blocks == n_blocks <= chip.n_multiprocessors
    assert program.macros["SDAE_KEPT"] == str(kept)
    assert program.shared_bytes == shared_bytes
    assert program.n_threads == 256


def test_what_registers_do_not_hold_is_in_shared_memory() -> None:
    program = autoencoder_program(RTX_3050, 784, 400, 0, 0, 0)
    n_rows, kept = 20, int(program.macros["SDAE_KEPT"])
    assert 0 < kept < n_rows
    assert program.shared_bytes >= (n_rows - kept) * 784 * 4
    with pytest.raises(DoesNotFitError, match=r"would need 1[0-9]{2},[0-9]{3} bytes of shared mem"):
        autoencoder_program(RTX_3050, 784, 1000, 0, 0, 0)


def test_a_small_layer_takes_few_blocks_of_few_threads() -> None:
    program = autoencoder_program(H200, 10, 7, 0, 0, 0)
    assert (program.n_blocks, program.n_threads) == (2, 64)
    assert autoencoder_program(H200, 1, 1, 0, 0, 0).n_blocks == 1


def test_the_tutorials_network_fits_on_large_chips_alone() -> None:
    sizes = (784, 1000, 1000, 1000)
    for chip in (H200, A100, RTX_5090):
        program = network_program(chip, sizes, 10, 0, **NO)
        assert program.n_blocks <= chip.n_multiprocessors
        assert program.shared_bytes <= chip.shared_bytes
    with pytest.raises(DoesNotFitError, match="and has 101,376"):
        network_program(RTX_3050, sizes, 10, 0, **NO)


@pytest.mark.parametrize(
    ("sizes", "n_classes", "words"),
    [
        ((4097, 10), 3, "layers of at most 4,096 units, and one has 4,097"),
        ((10, 5000, 10), 3, "layers of at most 4,096 units, and one has 5,000"),
        ((784, 1000), 200, "bytes of shared memory beside its registers, and has 232,448"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    sizes: tuple[int, ...], n_classes: int, words: str
) -> None:
    with pytest.raises(DoesNotFitError, match=words):
        network_program(H200, sizes, n_classes, 0, **NO)


def test_a_block_has_at_most_128_units() -> None:
    small = replace(H200, n_multiprocessors=2)
    assert autoencoder_program(small, 4, 256, 0, 0, 0).n_blocks == 2
    with pytest.raises(DoesNotFitError, match=r"2 blocks have at most 128 units .* one has 257"):
        autoencoder_program(small, 4, 257, 0, 0, 0)


@pytest.mark.parametrize(
    ("chip", "of_784", "of_4096", "three_layers", "n_classes"),
    [
        (H200, 11_220, 1716, 1216, 50),
        (A100, 6912, 972, 1024, 32),
        (RTX_5090, 7480, 850, 1024, 19),
        (RTX_3050, 860, 100, 300, 0),
    ],
)
def test_the_largest_networks_that_fit(
    chip: Chip, of_784: int, of_4096: int, three_layers: int, n_classes: int
) -> None:
    def largest(plan: Callable[[int], Program]) -> int:
        """Return the largest number that fits, if all smaller ones do."""

        def fits(n: int) -> bool:
            try:
                return plan(n).shared_bytes <= chip.shared_bytes
            except DoesNotFitError:
                return False

        return bisect_left(range(1, 20_000), True, key=lambda n: not fits(n))

    for_784 = largest(lambda n: autoencoder_program(chip, 784, n, 0, 0, 0))
    for_4096 = largest(lambda n: autoencoder_program(chip, 4096, n, 0, 0, 0))
    assert (for_784, for_4096) == (of_784, of_4096)
    tutorial = largest(lambda n: network_program(chip, (784, n, n, n), 10, 0, **NO))
    assert tutorial == three_layers
    assert largest(lambda n: network_program(chip, (784, 1000), n, 0, **NO)) == n_classes


def test_a_program_has_a_name_of_its_own() -> None:
    one = autoencoder_program(H200, 784, 1000, 0, 0, 0)
    assert one.fingerprint("sm_90") == autoencoder_program(H200, 784, 1000, 0, 0, 0).fingerprint(
        "sm_90"
    )
    others = [
        one.fingerprint("sm_80"),
        autoencoder_program(H200, 784, 1000, 1, 0, 0).fingerprint("sm_90"),
        autoencoder_program(A100, 784, 1000, 0, 0, 0).fingerprint("sm_90"),
        network_program(H200, (784, 1000), 10, 0, **NO).fingerprint("sm_90"),
    ]
    assert len({one.fingerprint("sm_90"), *others}) == 5
