"""Why the fused engine cannot be used on a GPU, as :mod:`sdae.train.engines.support` does."""

from collections.abc import Callable

import torch
from torch import Tensor

from sdae.core.kinds.activations import kernel_of
from sdae.train.engines.support import Problem, kernels_lack, plain_descent_lacks, training_lacks
from sdae.train.kernels.cuda.plans import (
    ACTIVATIONS,
    LOSSES,
    NOISES,
    Chip,
    DoesNotFitError,
    autoencoder_program,
    network_program,
)
from sdae.train.settings import FinetuningConfig

_OLDEST = (8, 0)


def cuda_fused_lacks(
    problem: Problem,
    chip: Callable[[torch.device], Chip] | None = None,
    fault: Callable[[], str | None] | None = None,
) -> str | None:
    """Return why the fused engine cannot be used on a GPU, or None.

    Parameters
    ----------
    problem : Problem
        All of its parameters are on one GPU.
    chip, fault : callables or None
        What the GPU is, and why cuda-core cannot be used; None: what this machine has.
    """
    reason = (
        plain_descent_lacks(problem)
        or kernels_lack(problem)
        or _numbers_lack(problem)
        or training_lacks(problem.parameters)
        or problem.modified
    )
    if reason:
        return reason
    if chip is None or fault is None:
        from sdae.train.engines.cuda_nvidia import chip_of, cuda_fault

        chip, fault = chip or chip_of, fault or cuda_fault
    if reason := fault():
        return reason
    try:
        found = chip(problem.parameters[0].device)
    except Exception as error:  # of the driver, or of what cuda-core checks
        reason = " ".join(str(error).split())[:200].rstrip(".")
        return f"cuda-core does not find out what the GPU is ({reason})"
    if found.capability < _OLDEST:
        return "it needs a GPU of compute capability {}.{}, and this one has {}.{}".format(
            *_OLDEST, *found.capability
        )
    return _size_lacks(problem, found)


def _numbers_lack(problem: Problem) -> str | None:
    types = {parameter.dtype for parameter in problem.parameters}
    if types != {torch.float32}:
        names = ", ".join(sorted(str(each) for each in types))
        return f"on a GPU it computes in float32, and the parameters are {names}"
    if kernel_of(problem.activation) not in ACTIVATIONS:
        return f"on a GPU it has no kernel for the activation {problem.activation}"
    if problem.decoder is not None and problem.decoder.facts.kernel not in LOSSES:
        return f"on a GPU it has no kernel for the decoder {problem.decoder}"
    if problem.noise is not None:
        arguments = problem.noise.kernel_arguments(1)
        if arguments is not None and arguments[0] not in NOISES:
            return f"on a GPU it has no kernel for the noise {problem.noise}"
        if len(_weights(problem)) > 1:
            return "on a GPU it trains tied autoencoders, and the decoder has weights of its own"
    return None


def _size_lacks(problem: Problem, chip: Chip) -> str | None:
    """Return why the network does not fit on the chip, or None."""
    weights, config = _weights(problem), problem.config
    activation = kernel_of(problem.activation)
    try:
        if isinstance(config, FinetuningConfig):
            sizes = [weights[0].shape[1], *(len(weight) for weight in weights[:-1])]
            network_program(
                chip,
                sizes,
                len(weights[-1]),
                activation,
                dropout=config.dropout > 0,
                input_dropout=config.input_dropout > 0,
            )
        else:
            n_hidden, n_visible = weights[0].shape
            autoencoder_program(chip, n_visible, n_hidden, activation, 0, 0)
    except DoesNotFitError as error:
        return str(error)
    return None


def _weights(problem: Problem) -> list[Tensor]:
    return [parameter for parameter in problem.parameters if parameter.ndim == 2]
