"""Matrices of scipy.sparse: recognising one, and bringing it into one form.

scipy has no types, and ``import sdae`` does not import it: so the two protocols say for the type
checker what a matrix has.

Axes: n rows, V columns.
"""

import sys
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
        """Return it in CSR format."""
        ...


class CsrMatrix(Protocol):
    """One in CSR format: row i stores ``data[indptr[i]:indptr[i + 1]]``, in columns `indices`."""

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
        """Return it as it is."""
        ...

    def __getitem__(self, rows: Any) -> "CsrMatrix":
        """Return some rows, (B, V)."""
        ...

    def toarray(self) -> NDArray[Any]:
        """Return it with its zeros, (n, V)."""
        ...


def is_sparse(x: object) -> TypeGuard[SparseMatrix]:
    """Return whether something is a matrix or array of scipy.sparse."""
    if "scipy.sparse" not in sys.modules:  # so nobody has made one
        return False
    from scipy.sparse import issparse

    return bool(issparse(x))


def is_csr(x: object) -> TypeGuard[CsrMatrix]:
    """Return whether this is a matrix that :func:`csr_of` made, and not an array."""
    return is_sparse(x)


def csr_of(x: SparseMatrix) -> CsrMatrix:
    """Return a matrix in CSR format, each element stored once at most; `x` stays as it is."""
    matrix = x.tocsr()
    if not matrix.has_canonical_format or len(matrix.data) > matrix.nnz:  # room to spare
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.prune()
    canonical: CsrMatrix = matrix
    return canonical
