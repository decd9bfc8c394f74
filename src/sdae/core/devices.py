"""Devices by name: ``auto``, ``cpu``, ``cuda``, ``mps``."""

import torch

from sdae.core.errors import invalid_parameter

NAMES = ("auto", "cpu", "cuda", "mps")


def nearest_device(name: str) -> torch.device | None:
    """Return the device with the given name, ``cuda:1``; else one of its type; else None."""
    device = torch.device(name)
    if device.type == "cuda" and torch.cuda.is_available():
        is_there = (device.index or 0) < torch.cuda.device_count()
        return device if is_there else torch.device("cuda")
    if device.type == "mps" and torch.backends.mps.is_available():
        return device
    return None


def resolve_device(name: str) -> torch.device:
    """Return the device with the given name; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises
    ------
    InvalidParameterError
        If the name is unknown, or this machine does not have the device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if name not in available:
        wanted = "one of " + ", ".join(repr(known) for known in NAMES)
        raise invalid_parameter("device", "training", wanted, name)
    if not available[name]:
        present = ", ".join(repr(kind) for kind, there in available.items() if there)
        raise invalid_parameter("device", "training", f"a device of this machine: {present}", name)
    return torch.device(name)
