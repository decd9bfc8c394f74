"""The exceptions of the package: public names of :mod:`sdae.core.errors`."""

from sdae.core.errors import (
    DataError,
    DeviceFaultError,
    FileAccessError,
    FileFormatError,
    InvalidParameterError,
    MissingExtraError,
    ParityError,
    ProcessLostError,
    RecipeError,
    SdaeError,
    TrainingDivergedError,
    invalid_parameter,
)

__all__ = [
    "DataError",
    "DeviceFaultError",
    "FileAccessError",
    "FileFormatError",
    "InvalidParameterError",
    "MissingExtraError",
    "ParityError",
    "ProcessLostError",
    "RecipeError",
    "SdaeError",
    "TrainingDivergedError",
    "invalid_parameter",
]
