"""What each engine supports: a function per engine returns why not, or None if it does.

``ENGINES`` lists them, the fastest first; the last supports everything. Nothing here imports an
engine: the fused one would bring Numba.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.kernels.presence import numba_fault
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.kinds.noises import Noise
from sdae.core.kinds.optimizers import Optimizer
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.settings import FinetuningConfig, PretrainingConfig

_REMEDY = "If there is a release for this Python, install it: pip install --upgrade numba"
_PARAMETER_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
_MODULE_HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
)


MOST_WEIGHTS = 1 << 21
"""Of a layer in the compiled engine; larger products are faster in oneDNN."""

EngineName = Literal["fused", "compiled", "graph", "closed_form", "autograd"]


@dataclass(frozen=True)
class Problem:
    """The properties of a training on which the choice of the engine depends.

    Attributes
    ----------
    caller : str
        Name of the stage, for error messages.
    config : PretrainingConfig or FinetuningConfig
    parameters : sequence of Tensor
        The parameters to train.
    activation : Activation
        Activation of the hidden layers.
    modified : str or None
        A change to the network that only autograd supports.
    noise, decoder : Noise, Decoder or None
        Noise and decoder of pre-training.
    has_weights : bool
        Whether rows have weights.
    head : Head or None
        Head of fine-tuning.
    n_processes : int
        Processes that train together.
    """

    caller: str
    config: PretrainingConfig | FinetuningConfig
    parameters: Sequence[Tensor]
    activation: Activation
    modified: str | None
    noise: Noise | None = None
    decoder: Decoder | None = None
    has_weights: bool = False
    head: Head | None = None
    n_processes: int = 1


def pretraining_problem(
    autoencoder: DenoisingAutoencoder,
    config: PretrainingConfig,
    noise: Noise,
    n_processes: int = 1,
) -> Problem:
    """Describe the training of one autoencoder."""
    return Problem(
        "pretrain",
        config,
        list(autoencoder.parameters()),
        autoencoder.activation,
        modified_layer(autoencoder),
        noise=noise,
        decoder=autoencoder.decoder,
        n_processes=n_processes,
    )


def finetuning_problem(
    stack: StackedDenoisingAutoencoder,
    config: FinetuningConfig,
    *,
    weighted: bool,
    n_processes: int = 1,
) -> Problem:
    """Describe the training of a network, with or without weights of rows."""
    return Problem(
        "finetune",
        config,
        list(stack.mlp.parameters()),
        stack.activation,
        modified_network(stack),
        has_weights=weighted,
        head=stack.head_kind,
        n_processes=n_processes,
    )


def autograd_lacks(_: Problem) -> None:
    """Return None: autograd trains everything."""


def closed_form_lacks(problem: Problem) -> str | None:
    """Return why the closed-form engine cannot be used, or None."""
    return plain_descent_lacks(problem) or _parameters_lack(problem.parameters) or problem.modified


def plain_descent_lacks(problem: Problem) -> str | None:
    """Return why an engine of plain gradient descent for classifiers cannot be used, or None."""
    config = problem.config
    if reason := _learning_lacks(problem) or _precision_lacks(problem):
        return reason
    if problem.head is not None and not problem.head.facts.picks_one:
        return f"it trains classifiers, and the stack has a {problem.head} head"
    if problem.has_weights:
        return "it does not support sample weights"
    if isinstance(config, FinetuningConfig) and config.max_norm is not None:
        return "it does not support max_norm, which changes all weights at every step"
    if config.optimizer is not Optimizer.SGD or config.momentum:
        return "it supports only plain gradient descent, without momentum or adaptive rates"
    if config.weight_decay:
        return "it does not support weight_decay, which changes all weights at every step"
    return None


def compiled_lacks(problem: Problem) -> str | None:
    """Return why the compiled engine cannot be used, or None."""
    if reason := _learning_lacks(problem) or _precision_lacks(problem):
        return reason
    if problem.activation.facts.number is None:
        return f"it has no kernel for the activation {problem.activation}"
    largest = max(parameter.numel() for parameter in problem.parameters)
    if largest > MOST_WEIGHTS:
        return f"it is for layers of at most {MOST_WEIGHTS:,} weights, and one has {largest:,}"
    return _parameters_lack(problem.parameters) or problem.modified or _numba_lacks()


def graph_lacks(problem: Problem) -> str | None:
    """Return why the graph engine cannot be used, or None."""
    return (
        _learning_lacks(problem) or _parameters_lack(problem.parameters, "cuda") or problem.modified
    )


def fused_lacks(problem: Problem) -> str | None:
    """Return why the fused engine cannot be used, or None."""
    if _on_gpu(problem):
        from sdae.train.engines.cuda_support import cuda_fused_lacks

        return cuda_fused_lacks(problem)
    return closed_form_lacks(problem) or kernels_lack(problem) or _numba_lacks()


def misses_fused(problem: Problem, name: EngineName) -> bool:
    """Return whether the fused engine would be much faster than this one, but cannot be used."""
    if problem.config.batch_size != 1 or name == "fused":
        return False
    missing = _on_gpu(problem) and not plain_descent_lacks(problem) and not kernels_lack(problem)
    return name == "closed_form" or missing


def kernels_lack(problem: Problem) -> str | None:
    """Return what the kernels of the fused engine do not have, or None."""
    if problem.config.batch_size != 1:
        return f"it supports only batch_size 1, and batch_size is {problem.config.batch_size}"
    if problem.activation.facts.kernel is None:
        return f"it has no kernel for the activation {problem.activation}"
    if problem.noise is not None and problem.noise.kernel_arguments(1) is None:
        return f"it has no kernel for the noise {problem.noise}"
    if problem.decoder is Decoder.BLOCKS:
        return "it has no kernel for the columns of a table"
    if problem.decoder is not None and problem.decoder.facts.kernel is None:
        return f"it has no kernel for the decoder {problem.decoder}"
    return None


def _on_gpu(problem: Problem) -> bool:
    return all(parameter.device.type == "cuda" for parameter in problem.parameters)


def _learning_lacks(problem: Problem) -> str | None:
    """Return why an engine that learns from whole minibatches alone cannot be used, or None."""
    config = problem.config
    if problem.n_processes > 1:
        return f"it trains in one process, and {problem.n_processes} train together"
    if config.deterministic:
        return "it does not support deterministic, which cuts minibatches into shares"
    if isinstance(config, FinetuningConfig) and config.semi_supervised:
        return "it does not learn from unlabelled rows"
    return None


def _precision_lacks(problem: Problem) -> str | None:
    """Return why an engine that has products in the type of the parameters cannot be used."""
    if problem.config.precision == "float32":
        return None
    return f"it supports only the precision float32, and precision is {problem.config.precision}"


def _numba_lacks() -> str | None:
    fault = numba_fault()
    return None if fault is None else f"{fault}. {_REMEDY}"


ENGINES: Mapping[EngineName, Callable[[Problem], str | None]] = {
    "fused": fused_lacks,
    "compiled": compiled_lacks,
    "graph": graph_lacks,
    "closed_form": closed_form_lacks,
    "autograd": autograd_lacks,
}


def _parameters_lack(parameters: Sequence[Tensor], device: str = "cpu") -> str | None:
    """Return why an engine for a type of device cannot train these parameters, or None."""
    types = {parameter.dtype for parameter in parameters}
    if types not in ({torch.float32}, {torch.float64}):
        names = ", ".join(sorted(str(each) for each in types))
        return f"it computes in float32 or float64, and the parameters are {names}"
    places = {parameter.device.type for parameter in parameters}
    if places != {device}:
        where = "the CPU" if device == "cpu" else device
        return f"it runs on {where}, and the network is on {', '.join(sorted(places))}"
    return training_lacks(parameters)


def training_lacks(parameters: Sequence[Tensor]) -> str | None:
    """Return why only autograd can train these parameters, of any type anywhere, or None."""
    if not all(parameter.requires_grad for parameter in parameters):
        return "it trains all parameters, and some are frozen (requires_grad is False)"
    if any(_is_hooked(parameter, _PARAMETER_HOOKS) for parameter in parameters):
        return "it does not compute gradients for hooks of parameters"
    return None


def modified_layer(autoencoder: DenoisingAutoencoder) -> str | None:
    """Return a change to a layer that only autograd supports, or None."""
    if type(autoencoder) is not DenoisingAutoencoder or is_parametrized(autoencoder):
        return f"it does not support {type(autoencoder).__name__}"
    return None


def modified_network(stack: StackedDenoisingAutoencoder) -> str | None:
    """Return a change to the network that only autograd supports, or None."""
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    for layer, autoencoder in enumerate(layers):
        linear = stack.mlp[2 * layer]
        same = (
            type(linear) is nn.Linear
            and linear.weight is autoencoder.weight
            and linear.bias is autoencoder.hidden_bias
            and autoencoder.activation is stack.activation
        )
        if not same or _is_hooked(linear, _MODULE_HOOKS):
            return f"layer {layer} of the network was replaced"
    if len({id(each.weight) for each in layers}) < len(layers):
        return "it does not support layers that share their weight"
    plain = type(stack.head) is nn.Linear and not _is_hooked(stack.head, _MODULE_HOOKS)
    if stack.head.bias is None or not plain:
        return "the head was replaced by a layer that it does not support"
    return next(filter(None, map(modified_layer, layers)), None)


def _is_hooked(what: Tensor | nn.Module, kinds: Sequence[str]) -> bool:
    """Return whether `what` has hooks of one of these kinds."""
    return any(getattr(what, kind, None) for kind in kinds)
