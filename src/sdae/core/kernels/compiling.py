"""Compiling a kernel, and caching the machine code on disk if possible."""

from collections.abc import Callable, Set
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from uuid import uuid4

import numba
from numba import extending

from sdae.core.kernels import cache_folder

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Any]

intrinsic: Decorator = extending.intrinsic
"""A function that writes its own machine code."""


def chosen_by_type(function: Callable[..., Any]) -> Decorator:
    """Let a function of the arguments' types choose the compiled twin of `function`.

    The order of its sums is kept: otherwise a difference computed in two parts would lose its
    precision.
    """
    options = {"fastmath": IN_ORDER, "nogil": True, "forceinline": True, "error_model": "numpy"}
    decorator: Decorator = extending.overload(function, jit_options=options)
    return decorator


FAST = {"reassoc", "contract", "nsz", "arcp"}
"""Sums may be reordered and multiplications fused. NaN and infinity keep their meaning, since
results that are not finite must be detected."""

IN_ORDER = {"contract"}
"""Multiplications may be fused, but sums keep their order."""

_LOCK = Lock()


def kernel(function: F) -> F:
    """Compile a function when it is first called with arguments of new types.

    It runs without the GIL. The machine code is cached in a separate folder for each version of the
    sources, since Numba itself checks only one file.
    """
    return _compiled(function, forceinline=False)


def inlined(function: F) -> F:
    """Compile a function into each of its callers.

    All functions that kernels call are inlined. Otherwise a separately compiled function might run
    right after compiling, and its copy inside the caller when loaded from disk. The two are
    optimised differently and round differently. So it needs no file of its own, which takes time
    to make.
    """
    return _compiled(function, forceinline=True)


def in_order(function: F) -> F:
    """Compile as :func:`inlined` does, keeping the order of sums."""
    return _compiled(function, forceinline=True, fast=IN_ORDER)


def is_cold(function: Callable[..., Any]) -> bool:
    """Return whether a kernel must be compiled at its first call: it has no machine code yet."""
    loaded: Any = function
    if numba.config.DISABLE_JIT or loaded.overloads:
        return False
    module = Path(function.__code__.co_filename).stem
    kept = Path(loaded.stats.cache_path or "")
    return not any(kept.glob(f"{module}.{function.__name__}-*.nbc"))


def _compiled(function: F, *, forceinline: bool, fast: Set[str] = FAST) -> F:
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": set(fast),
        "forceinline": forceinline,
        "error_model": "numpy",  # a check for division by zero would keep loops from vectorising
    }
    folder = None if forceinline else _cache_folder(_room(Path(function.__code__.co_filename)))
    if folder is None:
        uncached: F = numba.njit(**options)(function)
        return uncached
    with _LOCK:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            cached: F = numba.njit(cache=True, **options)(function)
        finally:
            numba.config.CACHE_DIR = before
    _name_apart(cached)
    return cached


def _name_apart(function: Any) -> None:
    """Let no two processes write their machine code into files of the same name.

    Numba (0.68.1) numbers the files of a function. Two processes that compile it at the same time,
    each for other types, take the same number: then later ones load code for the wrong types.
    """
    if not numba.config.DISABLE_JIT:
        files = function._cache._cache_file
        stem = files._index_name.removesuffix(".nbi")
        files._data_name = lambda _number: f"{stem}.{uuid4().hex[:16]}.nbc"


def _room(source: Path) -> Path:
    """Return the package of kernels that a source lies in."""
    here = Path(__file__).parent
    return next((folder for folder in source.parents if folder.name == here.name), here)


@cache
def _cache_folder(room: Path) -> Path | None:
    """Return the cache folder of a room's compiled kernels, if any: the first writable one.

    ``NUMBA_CACHE_DIR`` where it is set, beside the sources, with the user's caches. If none of them
    can be written, it is a copy of one that was filled before.
    """
    name, wished = cache_folder.name_of(room), numba.config.CACHE_DIR
    writable = cache_folder.writable_folder(name, room, wished)
    return writable or cache_folder.private_copy(name, room, wished)
