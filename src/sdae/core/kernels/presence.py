"""Whether Numba, which compiles the kernels, can be used here."""

from importlib import import_module


def numba_fault() -> str | None:
    """Return why Numba, which compiles the kernels, cannot be used here, or None."""
    try:
        import_module("numba")
    except ModuleNotFoundError as error:
        return "numba is not installed" if error.name == "numba" else _cannot_be_imported(error)
    # it does not support this NumPy or Python, or its library does not load
    except Exception as error:
        return _cannot_be_imported(error)
    return None


def _cannot_be_imported(error: Exception) -> str:
    return f"numba cannot be imported ({' '.join(str(error).split())[:200].rstrip('.')})"
