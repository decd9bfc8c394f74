"""Every exception the package raises on purpose, on one screen.

All of them derive from :class:`SdaeError`, so ``except SdaeError`` catches every error that the
package reports on purpose. Each also derives from a built-in exception, so callers that do not know
the package can catch it too (``except ValueError``).
"""

from typing import NamedTuple

from sdae.core.wording import printable


class SdaeError(Exception):
    """Base of all errors of the package; its text is one clear sentence for the user.

    It may quote a file or its name, so terminal control characters are escaped.
    """

    def __str__(self) -> str:
        return printable(super().__str__(), kept="\n")


class Fault(NamedTuple):
    """What is wrong with one parameter.

    Attributes
    ----------
    parameter, caller : str
        Name of the parameter, and whose parameter it is.
    value : object
        The value that is not allowed.
    complaint : str
        What the value must be, what it is, and the remedy.
    """

    parameter: str
    caller: str
    value: object
    complaint: str


class InvalidParameterError(SdaeError, ValueError):
    """A parameter has a value that is not allowed."""

    fault: Fault | None = None


class RecipeError(SdaeError, ValueError):
    """A recipe (TOML) has an unknown key, a value of the wrong kind, or cannot be parsed."""


class DataError(SdaeError, ValueError):
    """Rows, columns or labels that training or prediction cannot use."""


class FileFormatError(DataError):
    """A file is damaged, truncated, or not of the format its name promises."""


class FileAccessError(SdaeError, OSError):
    """A file or folder is missing, cannot be read, or cannot be written."""


class TrainingDivergedError(SdaeError, ArithmeticError):
    """The training cost stopped being a finite number."""


class ProcessLostError(SdaeError, RuntimeError):
    """Another process of a training by several processes has ended, or does not answer."""


class DeviceFaultError(SdaeError, RuntimeError):
    """A GPU ended a part of training without a result."""


class ParityError(SdaeError, ArithmeticError):
    """An export gives other results than the package, so it was not written."""


class MissingExtraError(SdaeError, ImportError):
    """A feature needs an optional dependency; the text names the extra to install."""


def invalid_parameter(
    parameter: str, caller: str, constraint: str, value: object, remedy: str = ""
) -> InvalidParameterError:
    """Return the error for a bad parameter: its name, what it must be, what it got, the remedy."""
    complaint = f"must be {constraint}. Got {value!r} instead. {remedy}".strip()
    error = InvalidParameterError(f"The {parameter} parameter of {caller} {complaint}")
    error.fault = Fault(parameter, caller, value, complaint)
    return error
