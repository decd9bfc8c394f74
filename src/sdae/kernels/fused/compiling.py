"""Compiling a kernel, and keeping the machine code on the disk where that is possible."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numba
from numba import extending

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Any]

intrinsic: Decorator = extending.intrinsic
"""A function that writes its own machine code."""


def chosen_by_type(function: Callable[..., Any]) -> Decorator:
    """Let a function of the arguments' types choose the compiled twin of `function`.

    Its sums keep their order: where they do not, a difference taken in two parts loses its point.
    """
    options = {"fastmath": {"contract"}, "nogil": True, "forceinline": True}
    decorator: Decorator = extending.overload(function, jit_options=options)
    return decorator


FAST = {"reassoc", "contract", "nsz", "arcp"}
"""Sums may be reordered and multiplications fused. NaN and infinity keep their meaning: that a
result is not finite must be seen."""

_LOCK = Lock()


def kernel(function: F) -> F:
    """Compile a function when it is first called with arguments of new types.

    It runs without the GIL. The machine code is kept in a folder of its own for each state of the
    kernels' sources, since Numba itself looks at one file only.
    """
    return _compiled(function, forceinline=False)


def inlined(function: F) -> F:
    """Compile a small function into each of its callers."""
    return _compiled(function, forceinline=True)


def is_cold(function: Callable[..., Any]) -> bool:
    """Tell whether a kernel will be compiled when it is called: no machine code is kept of it."""
    loaded: Any = function
    if numba.config.DISABLE_JIT:
        return False
    return not loaded.signatures and not any(
        Path(loaded.stats.cache_path or "").glob(f"*{function.__name__}-*.nbc")
    )


def _compiled(function: F, *, forceinline: bool) -> F:
    options: dict[str, Any] = {"nogil": True, "fastmath": FAST, "forceinline": forceinline}
    with _LOCK:
        before = numba.config.CACHE_DIR
        for folder in _cache_folders():
            try:
                numba.config.CACHE_DIR = str(folder)
                cached: F = numba.njit(cache=True, **options)(function)
                return cached
            except (RuntimeError, OSError):
                continue  # not writable: the next one, or none
            finally:
                numba.config.CACHE_DIR = before
    uncached: F = numba.njit(**options)(function)
    return uncached


@cache
def _cache_folders() -> tuple[Path, ...]:
    """Return where compiled kernels may be kept: the first that can be written is taken.

    ``NUMBA_CACHE_DIR`` where it is set, beside the sources, with the user's caches.
    """
    here = Path(__file__).parent
    state = hashlib.sha256()
    for source in sorted(here.glob("*.py")):
        state.update(source.read_bytes())
    name = f"kernels-{state.hexdigest()[:16]}"
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    wished = (Path(numba.config.CACHE_DIR) / name,) if numba.config.CACHE_DIR else ()
    return *wished, here / "__pycache__" / name, Path(home) / "sdae" / name
