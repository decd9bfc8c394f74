"""How a network is laid out on a chip: which block has which rows, and where they are kept.

Rows of a weight matrix are shared out evenly over the blocks. A thread has some quads of columns of
each row: in registers as many as there is room for, the rest in shared memory. These sizes are also
computed by the sources, which refuse to be compiled if they come to other numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sdae.train.kernels.cuda.program import Program

WIDEST = 4096
"""Units or columns of a layer at most: a thread has 16 of them, in registers."""
MOST_ROWS = 128
"""Rows of a layer that a block has at most: loops over them are unrolled."""

MASKING, SALT_AND_PEPPER, NO_NOISE = 0, 2, 4
NOISES, ACTIVATIONS, LOSSES = (MASKING, SALT_AND_PEPPER), (0, 1, 2), (0, 1)
"""The noises, activations and losses that ``functions.cu`` has, by their numbers."""

_FEWEST_ROWS = 4
_UNROLLED_CLASSES = 16
_MOST_THREADS, _FEWEST_THREADS = 256, 64
_WARP = 32


@dataclass(frozen=True)
class Chip:
    """The properties of a GPU on which a plan depends.

    Registers are not among them: from compute capability 8.0 on a multiprocessor has 65,536, which
    is all that 256 threads can use.

    Attributes
    ----------
    capability : (int, int)
        Compute capability.
    n_multiprocessors : int
        Blocks that are resident at the same time, one on each.
    shared_bytes : int
        Shared memory that a block may have.
    """

    capability: tuple[int, int]
    n_multiprocessors: int
    shared_bytes: int


class DoesNotFitError(Exception):
    """A network does not fit on a chip; the text says why, as a clause."""


class _Rows(NamedTuple):
    """Some rows of a matrix of a block: how many, of how many quads."""

    n: int
    quads: int

    def floats(self, n_threads: int) -> int:
        """Return the registers of a thread that one row takes."""
        return 4 * _ceil(self.quads, n_threads)


def autoencoder_program(
    chip: Chip,
    n_visible: int,
    n_hidden: int,
    activation: int,
    loss: int,
    noise: int,
    *,
    emphasis: bool = False,
) -> Program:
    """Plan the kernel of a tied denoising autoencoder.

    Parameters
    ----------
    chip : Chip
    n_visible, n_hidden : int
    activation, loss, noise : int
        Their numbers in ``functions.cu``.
    emphasis : bool
        Whether the loss has weights.

    Raises
    ------
    DoesNotFitError
        If it does not fit on the chip.
    """
    _check_widths([n_visible])
    n_blocks = _n_blocks(chip, [n_hidden])
    n_rows, quads = _rows_of_a_block(n_hidden, n_blocks), _ceil(n_visible, 4)
    n_blocks = _ceil(n_hidden, n_rows)
    n_threads = _n_threads([quads])
    rows = _Rows(n_rows, quads)
    (kept,) = _kept([rows], n_threads, _registers_of_autoencoder(rows.floats(n_threads)))
    places = _ceil(quads, n_blocks)
    lanes = _power_of_two(places)
    width, warps = _width(n_rows), n_threads // _WARP
    floats = (
        _room_for_sums(width, warps)
        + _padded(warps * 3 * width)
        + 2 * warps * lanes * 4
        + (n_rows - kept) * quads * 4
    )
    _check_memory(chip, 4 * floats)
    slot = n_blocks * _ceil(places, lanes) * n_blocks * lanes * 4 + quads * 4
    return Program(
        kernel="train_autoencoder",
        constants=(
            ("VISIBLE", str(n_visible)),
            ("HIDDEN", str(n_hidden)),
            ("KEPT", str(kept)),
            ("ACTIVATION", str(activation)),
            ("LOSS", str(loss)),
            ("NOISE", str(noise)),
            ("EMPHASIS", str(int(emphasis))),
        ),
        n_blocks=n_blocks,
        n_threads=n_threads,
        shared_bytes=4 * floats,
        exchange_words=2 * slot,
    )


def _registers_of_autoencoder(floats_of_a_row: int) -> int:
    """Return the registers for weights: what nine vectors of columns and 32 sums leave free."""
    return max(0, 104 - 10 * floats_of_a_row)


def network_program(
    chip: Chip,
    sizes: Sequence[int],
    n_classes: int,
    activation: int,
    *,
    dropout: bool,
    input_dropout: bool,
) -> Program:
    """Plan the kernel of a network.

    Parameters
    ----------
    chip : Chip
    sizes : sequence of int
        Columns of the input, then units of each hidden layer.
    n_classes : int
    activation : int
        Its number in ``functions.cu``.
    dropout, input_dropout : bool
        Whether hidden units, and components of the input, are dropped.

    Raises
    ------
    DoesNotFitError
        If it does not fit on the chip.
    """
    _check_widths(sizes)
    hidden = sizes[1:]
    n_blocks = _n_blocks(chip, hidden)
    own = [_rows_of_a_block(n, n_blocks) for n in hidden]
    n_blocks = max(_ceil(n, rows) for n, rows in zip(hidden, own, strict=True))
    own = [_ceil(n, n_blocks) for n in hidden]
    quads = [_ceil(n, 4) for n in sizes]
    n_threads = _n_threads(quads)
    weights = [_Rows(n, below) for n, below in zip(own, quads[:-1], strict=True)]
    columns = [_Rows(n, above) for n, above in zip(own[:-1], quads[2:], strict=True)]
    head = _Rows(n_classes, quads[-1])
    matrices = [*weights[1:], *columns, head, weights[0]]
    wide = max(rows.floats(n_threads) for rows in matrices)
    registers = _registers_of_network(wide, len(hidden), max(*own, n_classes))
    kept = _kept(matrices, n_threads, registers)
    if n_classes > _UNROLLED_CLASSES:
        kept[-2] = 0
    kept_of_weights = [kept[-1], *kept[: len(hidden) - 1]]
    kept_of_columns = [0, *kept[len(hidden) - 1 : -2]]
    kept_of_head = kept[-2]
    widths, warps = [_width(n) for n in own], n_threads // _WARP
    of_warp = 2 * sum(widths) + _width(n_classes)
    floats = (
        _room_for_sums(max(*widths, _width(n_classes)), warps)
        + _padded(warps * of_warp)
        + _padded(widths[-1])
        + sum((rows.n - n) * rows.quads * 4 for rows, n in zip(matrices, kept, strict=True))
    )
    _check_memory(chip, 4 * floats)
    return Program(
        kernel="train_network",
        constants=(
            ("SIZES", ",".join(map(str, sizes))),
            ("DEPTH", str(len(hidden))),
            ("CLASSES", str(n_classes)),
            ("ROWS_KEPT", ",".join(map(str, kept_of_weights))),
            ("COLUMNS_KEPT", ",".join(map(str, kept_of_columns))),
            ("HEAD_KEPT", str(kept_of_head)),
            ("ACTIVATION", str(activation)),
            ("DROPOUT", str(int(dropout))),
            ("INPUT_DROPOUT", str(int(input_dropout))),
        ),
        n_blocks=n_blocks,
        n_threads=n_threads,
        shared_bytes=4 * floats,
        exchange_words=4 * sum(map(_padded, hidden)),
    )


def _registers_of_network(floats_of_a_row: int, depth: int, n_sums: int) -> int:
    """Return the registers for weights: what vectors of columns and sums leave free."""
    of_sums = 0 if n_sums <= _UNROLLED_CLASSES else 48
    return max(0, 156 - (depth + 7) * floats_of_a_row - of_sums)


def _check_widths(sizes: Sequence[int]) -> None:
    """Raise an error if rows of a matrix, or of the backward pass, are too wide for a thread."""
    widest = max(sizes)
    if widest > WIDEST:
        raise DoesNotFitError(
            f"it is for layers of at most {WIDEST:,} units, and one has {widest:,}"
        )


def _n_blocks(chip: Chip, sizes: Sequence[int]) -> int:
    """Return how many blocks to use: one per multiprocessor, fewer where rows would be few."""
    return min(chip.n_multiprocessors, _ceil(max(sizes), _FEWEST_ROWS))


def _rows_of_a_block(n_units: int, n_blocks: int) -> int:
    rows = _ceil(n_units, n_blocks)
    if rows > MOST_ROWS:
        raise DoesNotFitError(
            f"its {n_blocks} blocks have at most {MOST_ROWS} units of a layer each, and one has "
            f"{n_units:,}"
        )
    return rows


def _n_threads(quads: Sequence[int]) -> int:
    wanted = min(max(quads), _MOST_THREADS)
    n_threads = _FEWEST_THREADS
    while n_threads < wanted:
        n_threads *= 2
    return n_threads


def _kept(matrices: Sequence[_Rows], n_threads: int, registers: int) -> list[int]:
    """Return how many rows of each matrix are in registers, the first matrices first."""
    kept = []
    for rows in matrices:
        n = min(rows.n, registers // rows.floats(n_threads))
        kept.append(n)
        registers -= n * rows.floats(n_threads)
    return kept


def _check_memory(chip: Chip, shared_bytes: int) -> None:
    if shared_bytes > chip.shared_bytes:
        raise DoesNotFitError(
            f"a multiprocessor would need {shared_bytes:,} bytes of shared memory beside its "
            f"registers, and has {chip.shared_bytes:,}"
        )


def _room_for_sums(widest: int, warps: int) -> int:
    return 2 * _padded(warps * widest + 2 * warps)


def _width(n_rows: int) -> int:
    """Return how many sums n_rows rows take, in groups of a power of two."""
    size = _power_of_two(n_rows)
    return _ceil(n_rows, size) * size


def _power_of_two(n: int) -> int:
    return min(_WARP, 1 << (n - 1).bit_length())


def _padded(n: int) -> int:
    return _ceil(n, 4) * 4


def _ceil(n: int, part: int) -> int:
    return -(-n // part)
