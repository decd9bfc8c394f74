"""Matrix products on the CPU, with the faster of PyTorch's two libraries for them.

In float32 PyTorch uses MKL by default. oneDNN, which PyTorch includes too, generates machine code
for the processor; on the AMD processor of our benchmarks it takes half the time. PyTorch's own
compiler calls it through the operator used here, which is not part of the documented interface. So
the operator is tested first; if it is missing or does something else, PyTorch's usual product is
used.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``left @ right.T + bias``: of (n, k) and (m, k), with a bias of (m,), an (n, m)."""
    on_cpu = left.dtype == torch.float32 and left.device.type == "cpu"
    if on_cpu and torch.backends.mkldnn.enabled and _has_onednn():
        return _by_onednn(left, right, bias)
    return F.linear(left, right, bias)


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
