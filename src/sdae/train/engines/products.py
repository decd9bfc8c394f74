"""Matrix products on the CPU, with the faster of PyTorch's two libraries for them.

In float32 PyTorch uses MKL by default. oneDNN, which PyTorch includes too, generates machine code
for the processor; on the AMD processor of our benchmarks it takes half the time. PyTorch's own
compiler calls it through the operator used here, which is not part of the documented interface. So
the operator is tested first; if it is missing or does something else, PyTorch's usual product is
used.

Autograd takes its products from oneDNN too, but only where PyTorch has MKL on a processor that is
not Intel's: on Intel's MKL is a little faster. The processor decides and not a clock: measured
times could decide otherwise in the next run, which would then give other bytes.

Axes: B rows, V inputs, H outputs of a layer.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_INTEL = "GenuineIntel"
FEWEST_PRODUCTS = 1 << 22
"""Multiplications of a layer's product from which autograd takes it from oneDNN; below, what a
function in Python and a call of oneDNN take is more than what they save."""


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``left @ right.T + bias``: of (n, k) and (m, k), with a bias of (m,), an (n, m)."""
    if _serves(left) and torch.backends.mkldnn.enabled and _has_onednn():
        return _by_onednn(left, right, bias)
    return F.linear(left, right, bias)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``, with its gradients all by :func:`product`.

    Parameters have the names of ``F.linear``: (B, V), (H, V), (H,) -> (B, H). Small products, and
    those that oneDNN cannot take, are left to it.
    """
    if not _fits(input, weight, bias) or input.numel() * weight.shape[0] < FEWEST_PRODUCTS:
        return F.linear(input, weight, bias)
    result: Tensor = _Linear.apply(input, weight, bias)  # type: ignore[no-untyped-call] # PyTorch lacks it
    return result


def faster_products(module: nn.Module, batch_size: int) -> AbstractContextManager[object]:
    """Return a context in which every layer is taken from :func:`linear`, where that is faster.

    It slows other calls of PyTorch down, so it does nothing if all layers of `module` are small.
    """
    most = batch_size * max(parameter.numel() for parameter in module.parameters())
    serves = torch.backends.mkldnn.enabled and _has_onednn() and _mkl_is_slow()
    return _ByLinear() if serves and most >= FEWEST_PRODUCTS else nullcontext()


class _ByLinear(TorchFunctionMode):
    """Calls :func:`linear` instead of ``F.linear``, which ``nn.Linear`` calls too."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        return (linear if function is F.linear else function)(*arguments, **(named or {}))


class _Linear(torch.autograd.Function):
    """A linear layer; its gradients are such layers again, so that they have gradients too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (delta,) = slopes  # (B, H)
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        of_x = linear(delta, weight.t()) if needs_x else None  # (B, V)
        of_weight = None
        if needs_weight and weight.stride(0) < weight.stride(1):
            # A transposed weight, as of a tied decoder: its gradient lies in memory as it does.
            of_weight = linear(x.t(), delta.t()).t()  # (V, H) -> (H, V)
        elif needs_weight:
            of_weight = linear(delta.t(), x.t())  # (H, V)
        return of_x, of_weight, delta.sum(dim=0) if needs_bias else None


def _fits(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Return whether :func:`product` takes these as a linear layer; else F.linear says what fails.

    A hook of the user's may call it with anything, and under autocast.
    """
    if not (_serves(x) and _serves(weight)) or torch.is_autocast_enabled("cpu"):
        return False
    if x.layout is not torch.strided or weight.layout is not torch.strided:
        return False
    if not x.ndim == weight.ndim == 2 or x.shape[1] != weight.shape[1]:
        return False
    return bias is None or (_serves(bias) and bias.shape == weight.shape[:1])


def _serves(matrix: Tensor) -> bool:
    return matrix.dtype == torch.float32 and matrix.device.type == "cpu"


@cache
def _mkl_is_slow() -> bool:
    """Return whether PyTorch has MKL, and the processor is not one of Intel's."""
    if not torch.backends.mkl.is_available():
        return False
    try:
        processor = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        processor = platform.processor()
    return _INTEL not in processor


@cache
def _has_onednn() -> bool:
    """Try the operator on a product whose result is known."""
    if not torch.backends.mkldnn.is_available():
        return False
    left, right, bias, sums = (
        torch.tensor(values, dtype=torch.float32, device="cpu")
        for values in (
            [[1.0, 2.0]],
            [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]],
            [1.0, 2.0, 3.0],
            [[12.0, 19.0, 26.0]],
        )
    )
    try:
        result = _by_onednn(left, right, bias)
    except (AttributeError, RuntimeError, TypeError):  # no such operator, or other arguments
        return False
    return torch.equal(result, sums)


def _by_onednn(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return result
