"""The tree of exceptions, and the one template of their texts."""

import pytest

from sdae.core import errors
from sdae.core.errors import SdaeError, invalid_parameter

TREE = {
    "InvalidParameterError": ValueError,
    "RecipeError": ValueError,
    "DataError": ValueError,
    "FileFormatError": errors.DataError,
    "FileAccessError": OSError,
    "TrainingDivergedError": ArithmeticError,
    "ProcessLostError": RuntimeError,
    "DeviceFaultError": RuntimeError,
    "ParityError": ArithmeticError,
    "MissingExtraError": ImportError,
}


@pytest.mark.parametrize(("name", "parent"), TREE.items())
def test_an_error_is_ours_and_of_a_kind_that_python_knows(
    name: str, parent: type[Exception]
) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, SdaeError)
    assert issubclass(kind, parent)
    with pytest.raises(parent, match=r"^a text$"):
        raise kind("a text")


def test_no_error_is_missing_from_this_table() -> None:
    kinds = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, SdaeError)
    }
    assert kinds == TREE.keys() | {"SdaeError"}


def test_a_bad_parameter_is_told_by_name_constraint_value_and_remedy() -> None:
    error = invalid_parameter("level", "MaskingNoise", "in [0, 1]", "2", "Lower it.")
    assert str(error) == (
        "The level parameter of MaskingNoise must be in [0, 1]. Got '2' instead. Lower it."
    )
    assert str(invalid_parameter("a", "b", "c", 1)).endswith("Got 1 instead.")
