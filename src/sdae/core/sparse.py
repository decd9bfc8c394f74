"""What the package needs of a scipy.sparse matrix, without importing scipy.

Axes: n rows, V columns.
"""

from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray


class SparseMatrix(Protocol):
    """A matrix or array of scipy.sparse in any format."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, V)."""
        ...

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of its elements."""
        ...

    def tocsr(self) -> Any:
        """Return the matrix in CSR format."""
        ...


class CsrMatrix(Protocol):
    """A matrix in CSR format.

    Row i stores ``data[indptr[i]:indptr[i + 1]]``, in columns `indices`.
    """

    data: NDArray[Any]
    indices: NDArray[np.integer]
    indptr: NDArray[np.integer]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, V)."""
        ...

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of its elements."""
        ...

    def tocsr(self) -> Any:
        """Return the matrix itself."""
        ...

    def __getitem__(self, rows: Any) -> "CsrMatrix":
        """Return some rows, (B, V)."""
        ...

    def toarray(self) -> NDArray[Any]:
        """Return a dense array, (n, V)."""
        ...


def is_sparse(x: object) -> TypeGuard[SparseMatrix]:
    """Return whether `x` is a scipy.sparse matrix or array."""
    ancestors = type(x).__mro__
    return hasattr(x, "tocsr") and any(a.__module__.startswith("scipy.") for a in ancestors)


def is_csr(x: object) -> TypeGuard[CsrMatrix]:
    """Return whether `x` is a CSR matrix, such as :func:`csr_of` makes, and not an array."""
    return is_sparse(x)


def csr_of(x: SparseMatrix) -> CsrMatrix:
    """Return a matrix in CSR format, each element stored once at most; `x` stays as it is."""
    matrix = x.tocsr()
    if not matrix.has_canonical_format or len(matrix.data) > matrix.nnz:  # unused room at the end
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.prune()
    canonical: CsrMatrix = matrix
    return canonical
