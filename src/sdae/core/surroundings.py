"""Modes of PyTorch and NumPy that a caller has set must not change what a call does.

A mode that a caller has entered acts on every function called inside: without gradients a network
cannot train, autocast computes in half precision, a default device moves tensors. These modes are
meant for the caller's own code. A call uses only its arguments, with the network's device and type,
and PyTorch's settings for the whole process (threads, the precision of float32 products, oneDNN on
or off, deterministic algorithms).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ContextDecorator, ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_AUTOCAST = ("cpu", "cuda", "mps", "xpu")
_ERRORS: Any = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
"""NumPy's defaults: division by zero warns, underflow is ignored."""


class undisturbed(ContextDecorator):
    """Run a block, or a decorated function, with all these modes at their defaults.

    Where they are so already, as inside another one, nothing is entered: a call on a single row
    takes a few microseconds.
    """

    def __init__(self) -> None:
        self._within: AbstractContextManager[None] | None = None

    def _recreate_cm(self) -> "undisturbed":
        return undisturbed()

    def __enter__(self) -> None:
        if not _are_defaults():
            self._within = _defaults()
            self._within.__enter__()

    def __exit__(self, *exception: Any) -> None:
        if self._within is not None:
            self._within.__exit__(*exception)


def _are_defaults() -> bool:
    return (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and not any(map(torch.is_autocast_enabled, _AUTOCAST))
        and np.geterr() == _ERRORS
        and _makes_tensors_on_cpu()
    )


@contextmanager
def _defaults() -> Iterator[None]:
    with ExitStack() as within:
        within.enter_context(np.errstate(**_ERRORS))
        within.enter_context(torch.inference_mode(False))
        within.enter_context(torch.enable_grad())
        for kind in _AUTOCAST:
            if torch.is_autocast_enabled(kind):
                within.enter_context(torch.autocast(kind, enabled=False))
        if not _makes_tensors_on_cpu():
            within.enter_context(torch.device("cpu"))
        yield


def ordinary(tensor: Tensor) -> Tensor:
    """Return a tensor that can be trained on: a copy of one that was made in inference mode."""
    return tensor.clone() if tensor.is_inference() and torch.is_grad_enabled() else tensor


def make_ordinary(module: nn.Module) -> None:
    """Replace parameters that were made in inference mode, which PyTorch does not train."""
    if not any(parameter.is_inference() for parameter in module.parameters()):
        return
    fresh: dict[nn.Parameter, nn.Parameter] = {}  # a shared parameter stays one
    with undisturbed():
        for part in module.modules():
            for name, old in list(part.named_parameters(recurse=False)):
                if old.is_inference():
                    if old not in fresh:
                        fresh[old] = nn.Parameter(old.detach().clone(), old.requires_grad)
                    setattr(part, name, fresh[old])


def _makes_tensors_on_cpu() -> bool:
    """Return whether a tensor made without naming a device is on the CPU."""
    try:
        return torch.get_default_device().type == "cpu"
    except (AssertionError, RuntimeError):  # a default device that this machine does not have
        return False
