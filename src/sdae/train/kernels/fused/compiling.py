"""Compiling a kernel, and keeping the machine code on the disk where that is possible."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
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
    options = {"fastmath": {"contract"}, "nogil": True, "forceinline": True, "error_model": "numpy"}
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
    """Compile a function into each of its callers.

    All that kernels call is: a function compiled on its own too may be the one that runs right
    after compiling, and its twin inside the caller the one that is loaded from the disk. They are
    optimised differently, and round differently.
    """
    return _compiled(function, forceinline=True)


def is_cold(function: Callable[..., Any]) -> bool:
    """Return whether a kernel must be compiled at its first call: it has no machine code at all."""
    loaded: Any = function
    if numba.config.DISABLE_JIT or loaded.signatures:
        return False
    module = Path(function.__code__.co_filename).stem
    kept = Path(loaded.stats.cache_path or "")
    return not any(kept.glob(f"{module}.{function.__name__}-*.nbc"))


def _compiled(function: F, *, forceinline: bool) -> F:
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": FAST,
        "forceinline": forceinline,
        "error_model": "numpy",  # a check for division by zero would keep loops from vectorising
    }
    folder = _cache_folder()
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
    return cached


@cache
def _cache_folder() -> Path | None:
    """Return where compiled kernels are kept: the first folder that can be written, if any.

    ``NUMBA_CACHE_DIR`` where it is set, beside the sources, with the user's caches.
    """
    here = Path(__file__).parent
    state = hashlib.sha256()
    for source in sorted(here.glob("*.py")):
        state.update(source.read_bytes())
    name = f"kernels-{state.hexdigest()[:16]}"
    wished = numba.config.CACHE_DIR
    # Unlike Path.home, expanduser does not fail where there is no home.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    parents = (*([Path(wished)] if wished else []), here / "__pycache__", Path(home) / "sdae")
    return next((parent / name for parent in parents if _can_be_written(parent / name)), None)


def _can_be_written(folder: Path) -> bool:
    """Make a folder and a file in it: Numba takes another one in silence where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
