"""Faults of the system, told in one sentence."""

from pathlib import Path

import pytest

from sdae.core.errors import FileAccessError, SdaeError
from sdae.core.files import translate_os_errors

PATH = Path("runs") / "model.sdae"


@pytest.mark.parametrize(
    ("action", "fault", "text"),
    [
        ("read", FileNotFoundError(2, "No such file"), f"{PATH} does not exist."),
        ("write", FileNotFoundError(2, "No such file"), "runs does not exist."),
        ("read", IsADirectoryError(21, "Is a directory"), "it is a folder, not a file."),
        ("write", OSError(28, "No space left on device"), "No space left on device."),
        ("read", OSError("the cable is out"), "the cable is out."),
        (
            "write",
            PermissionError(13, "Permission denied"),
            "permission denied. Check who owns it, or choose another path.",
        ),
    ],
)
def test_each_fault_is_told_with_the_action_and_the_path(
    action: str, fault: OSError, text: str
) -> None:
    with pytest.raises(FileAccessError) as told, translate_os_errors(PATH, action):
        raise fault
    assert str(told.value) == f"Cannot {action} {PATH}: {text}"
    assert isinstance(told.value, OSError)
    assert told.value.__suppress_context__


def test_an_error_that_explains_itself_goes_through() -> None:
    error = FileAccessError("Cannot read a: it is haunted.")
    with pytest.raises(SdaeError) as told, translate_os_errors(PATH, "read"):
        raise error
    assert told.value is error


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_system_is_left_alone(error: BaseException) -> None:
    with pytest.raises(type(error)) as told, translate_os_errors(PATH, "read"):
        raise error
    assert told.value is error
