"""What the compiled engine of ladders supports."""

import torch

from sdae.core.kernels.presence import numba_fault
from sdae.train.ladder.task import LadderTask


def compiled_lacks(task: LadderTask) -> str | None:
    """Return why the compiled engine cannot be used, or None."""
    network = task.network
    if not network.combinator.facts.has_kernel:
        return f"it has no kernel for the combinator {network.combinator}"
    parameters = list(network.parameters())
    types = {parameter.dtype for parameter in parameters}
    if types != {torch.float32}:
        return f"it computes in float32, and the parameters are {sorted(map(str, types))}"
    places = {parameter.device.type for parameter in parameters}
    if places != {"cpu"}:
        return f"it runs on the CPU, and the network is on {', '.join(sorted(places))}"
    if not all(parameter.requires_grad for parameter in parameters):
        return "it trains all parameters, and some are frozen (requires_grad is False)"
    return numba_fault()
