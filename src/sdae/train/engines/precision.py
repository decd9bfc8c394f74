"""The type of the products of a step on CUDA: that of the parameters, or a shorter one.

Parameters, their updates and costs stay in the type of the parameters. In half precision autocast
converts the factors of each product, and its result is half precision too; losses are computed in
float32 from the outputs.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

TF32 = "tf32"
_HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def is_half(precision: str) -> bool:
    """Return whether products are taken in half precision."""
    return precision in _HALVES


def forward_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context of the forward pass of a step."""
    if not is_half(precision):
        return nullcontext()
    # What autocast keeps from pass to pass would be a part of a CUDA graph.
    return torch.autocast(device.type, _HALVES[precision], cache_enabled=False)


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Let PyTorch take products of float32 in TF32, forward and backward, if that is wanted."""
    if precision != TF32:
        yield
        return
    matmul: Any = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    matmul.fp32_precision = TF32
    try:
        yield
    finally:
        matmul.fp32_precision = before
