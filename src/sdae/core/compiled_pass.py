"""Applying dense layers by the kernel of inference, on the CPU.

Whether the kernel or PyTorch applies layers depends on the layers alone, never on the rows or on
what is compiled already: the two round differently. The weights are read anew at each call, since
training, or anybody, may change them in between; many rows are worth repacking them.

Axes: n rows, V columns, L layers, U units of a layer, W columns of the result.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.kernels.cache_folder import how_often
from sdae.core.kernels.layout import ALIGNMENT, padded, shares
from sdae.core.kernels.presence import numba_fault
from sdae.core.kinds.activations import Activation
from sdae.core.preprocessing import FARTHEST, Scaling, as_they_are, network_rows
from sdae.core.sparse import CsrMatrix, csr_of, is_sparse
from sdae.core.threads import FEW_PRODUCTS, threads_for

Rows = NDArray[Any] | CsrMatrix

_TYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
_READ = (np.dtype(np.float32), np.dtype(np.float64))
_FEW_ROWS = 4
"""Fewer rows are not worth repacking the weights."""
_MOST_NUMBERS = 1 << 20
_MOST_OF_A_BLOCK, _NUMBERS_OF_A_BLOCK = 256, 1 << 17

logger = logging.getLogger("sdae")


class Dense(NamedTuple):
    """A layer of U units: ``s(W h + b)``, or ``s(Wᵀ h + b)`` if the weight is `transposed`.

    Attributes
    ----------
    weight : Tensor, shape (U, units below); or (units below, U)
    bias : Tensor, shape (U,)
    activation : Activation
    transposed : bool
    """

    weight: Tensor
    bias: Tensor
    activation: Activation
    transposed: bool = False

    @property
    def n_terms(self) -> int:
        """The number of units below."""
        return self.weight.shape[0 if self.transposed else 1]


def is_served(layers: Sequence[Dense]) -> bool:
    """Return whether the kernel can apply these layers."""
    kind, below = layers[0].weight.dtype, layers[0].n_terms
    if kind not in _TYPES or _fault() is not None:
        return False
    for weight, bias, activation, transposed in layers:
        if activation.facts.number is None:
            return False
        if not (_is_plain(weight, 2, kind) and _is_plain(bias, 1, kind)):
            return False
        n_units = bias.numel()  # `len` takes as long as all the rest
        if weight.shape != ((below, n_units) if transposed else (n_units, below)):
            return False
        below = n_units
    return True


def _is_plain(tensor: Tensor, n_axes: int, kind: torch.dtype) -> bool:
    """Return whether the kernel can read the numbers where the tensor says that they are."""
    return (
        type(tensor) in (nn.Parameter, Tensor)  # what extends them may have its numbers elsewhere
        and tensor.dtype is kind
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not tensor.is_neg()  # a view whose signs are the opposite of those in memory
        and tensor.dim() == n_axes
    )


@cache
def _fault() -> str | None:
    return numba_fault()


def applied(
    layers: Sequence[Dense],
    x: Rows,
    scaling: Scaling | None,
    n_threads: int | None,
    *,
    keeps_all: bool = False,
) -> NDArray[np.float32]:
    """Scale rows and carry them through layers: (n, V) -> (n, W).

    W are the units of the last layer, or with `keeps_all` of all layers side by side.

    Raises
    ------
    ValueError
        If the rows do not have as many columns as the first layer takes.
    """
    n_columns = layers[0].n_terms
    if len(x.shape) != 2 or x.shape[1] != n_columns:
        raise ValueError(f"The rows must be of {n_columns} columns. Got an array of {x.shape}.")
    places, width = [-1] * len(layers), layers[-1].bias.numel()
    places[-1] = 0
    if keeps_all:
        ends = np.cumsum([layer.bias.numel() for layer in layers]).tolist()
        places, width = [0, *ends[:-1]], ends[-1]
    if scaling is not None and not scaling.is_ordinary:
        x, scaling = network_rows(_dense(x), scaling), None
    out = np.empty((x.shape[0], width), np.float32)
    if len(out):
        _Pass(layers, places, scaling, out, n_threads).run(x)
    return out


class _Pass:
    """The memory of one call, whose addresses the kernel gets.

    The kernel does not check bounds: every array here has the size that it reads or writes.
    """

    def __init__(
        self,
        layers: Sequence[Dense],
        places: Sequence[int],
        scaling: Scaling | None,
        out: NDArray[np.float32],
        n_threads: int | None,
    ) -> None:
        # Numba takes a second to import, and `import sdae` does without.
        from sdae.core.kernels import forward

        self._kernels, self._n_threads, self._out = forward, n_threads, out
        self._type, self._n_columns = _TYPES[layers[0].weight.dtype], layers[0].n_terms
        self._sizes = [layer.bias.numel() for layer in layers]
        # Kept while the kernel reads them, whatever becomes of the parameters.
        self._tensors: list[Tensor] = []
        self._layers = np.array(
            [self._facts(layer, place) for layer, place in zip(layers, places, strict=True)],
            np.int64,
        )
        self._scaling = (scaling or as_they_are(self._n_columns)).patterns(len(out))
        self._packed = np.empty(0, self._type)

    def _facts(self, layer: Dense, place: int) -> tuple[int, ...]:
        """Return what the kernel knows of a layer."""
        weight, bias = layer.weight.detach().contiguous(), layer.bias.detach().contiguous()
        self._tensors += weight, bias
        number = layer.activation.facts.number
        assert number is not None
        return bias.numel(), weight.data_ptr(), bias.data_ptr(), layer.transposed, number, place

    def run(self, x: Rows) -> None:
        """Compute the result of all rows."""
        kernels, n = self._kernels, x.shape[0]
        from sdae.core.kernels.compiling import is_cold

        if is_cold(kernels.forward):
            logger.warning(
                "Compiling the kernels of inference, %s; it takes some seconds.",
                how_often(Path(__file__).parent / "kernels"),
            )
        if n >= _FEW_ROWS:
            n_numbers = kernels.packed_numbers(self._n_columns, self._sizes, self._type)
            self._packed = _aligned(n_numbers, self._type)
            kernels.pack(self._layers, self._n_columns, self._packed)
        for first, values in _readable(x):
            self._run(first, values)

    def _run(self, first: int, values: NDArray[Any]) -> None:
        """Compute the result of some rows, (m, V), that lie in order."""
        kernels, m = self._kernels, len(values)
        widest = max(self._n_columns, *self._sizes)
        per_block = max(kernels.ROWS, min(_MOST_OF_A_BLOCK, _NUMBERS_OF_A_BLOCK // widest))
        per_block = min(padded(per_block, kernels.ROWS), padded(m, kernels.ROWS))
        rest = np.array(
            [
                _address(values),
                values.dtype == np.float64,
                self._n_columns,
                _address(self._scaling),
                self._scaling.shape[1],
                _address(self._out) + first * self._out.strides[0],
                self._out.shape[1],
                per_block,
            ],
            np.int64,
        )
        n_numbers = kernels.block_numbers(self._n_columns, self._sizes, self._type, per_block)
        n_products = m * sum(tensor.numel() for tensor in self._tensors)
        n_workers = 1
        if n_products >= FEW_PRODUCTS:
            n_workers = min(threads_for(self._n_threads, n_products), -(-m // per_block))

        def work(first: int, last: int) -> None:
            units = _aligned(n_numbers, self._type)
            kernels.forward(self._layers, rest, self._packed, units, first, last, FARTHEST)

        if n_workers == 1:
            work(0, m)
            return
        from sdae.core.kernels.team import Team

        bounds, team = shares(m, n_workers, per_block), Team(n_workers)
        try:
            team.run(lambda rank, *_: work(int(bounds[rank]), int(bounds[rank + 1])))
        finally:
            team.close()


def _dense(x: Rows) -> NDArray[Any]:
    """Return rows with their zeros."""
    return csr_of(x).toarray() if is_sparse(x) else np.asarray(x)


def _aligned(n: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return memory for `n` numbers that begins with a cache line; nothing is written there."""
    beyond = ALIGNMENT // kind.itemsize
    memory = np.empty(n + beyond, kind)
    start = -_address(memory) % ALIGNMENT // kind.itemsize
    return memory[start : start + n]


def _address(array: NDArray[Any]) -> int:
    """Return where an array begins; its attribute `ctypes` takes longer."""
    address: int = array.__array_interface__["data"][0]
    return address


def _readable(x: Rows) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield rows as the kernel reads them, and the number of the first: all, or copies of some."""
    if isinstance(x, np.ndarray) and x.dtype in _READ and x.flags.c_contiguous:
        yield 0, x
        return
    at_once = max(1, _MOST_NUMBERS // max(1, x.shape[1]))
    for first in range(0, x.shape[0], at_once):
        rows: Any = x[first : first + at_once]
        values = _dense(rows)
        kind = values.dtype if values.dtype in _READ else np.float64
        yield first, np.ascontiguousarray(values, kind)
