"""Devices by name, on machines that have them and on machines that have not."""

import pytest
import torch

from sdae.core.devices import resolve_device
from sdae.core.errors import InvalidParameterError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A machine with the devices named in the parameter."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in request.param)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in request.param)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("machine", "name", "expected"),
    [
        ("", "auto", "cpu"),
        ("", "cpu", "cpu"),
        ("cuda", "auto", "cuda"),
        ("cuda", "cpu", "cpu"),
        ("cuda", "cuda", "cuda"),
        ("mps", "auto", "mps"),
        ("mps", "mps", "mps"),
        ("cuda mps", "auto", "cuda"),
    ],
    indirect=["machine"],
)
def test_a_name_gives_a_device_that_the_machine_has(name: str, expected: str) -> None:
    assert resolve_device(name) == torch.device(expected)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("machine", "name", "present"),
    [
        ("", "cuda", "'cpu'"),
        ("", "mps", "'cpu'"),
        ("cuda", "mps", "'cuda', 'cpu'"),
        ("mps", "cuda", "'mps', 'cpu'"),
    ],
    indirect=["machine"],
)
def test_a_device_that_the_machine_lacks_is_refused_with_those_it_has(
    name: str, present: str
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        resolve_device(name)
    assert str(caught.value) == (
        f"The device parameter of training must be a device of this machine: {present}. "
        f"Got {name!r} instead."
    )


@pytest.mark.parametrize("name", ["gpu", "CPU", "", "cuda:0"])
def test_another_name_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"one of 'auto', 'cpu', 'cuda', 'mps'. Got "):
        resolve_device(name)
