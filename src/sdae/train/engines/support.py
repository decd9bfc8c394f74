"""What each engine supports: of a problem it says why it does not, or None if it does.

``ENGINES`` lists them, the fastest first; the last supports everything. Nothing here imports an
engine: the fused one would bring Numba.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from sdae.core.autoencoder import DenoisingAutoencoder
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


@dataclass(frozen=True)
class Problem:
    """What a stage is to train, as far as engines differ by it.

    Attributes
    ----------
    caller : str
        The stage, for errors.
    config : PretrainingConfig or FinetuningConfig
    parameters : sequence of Tensor
        What is trained.
    activation : Activation
        Of the hidden layers.
    modified : str or None
        What a caller has made of the network that only autograd knows.
    noise, decoder : Noise, Decoder or None
        Of pre-training.
    has_weights : bool
        Whether rows have weights.
    head : Head or None
        Of fine-tuning.
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


def pretraining_problem(
    autoencoder: DenoisingAutoencoder, config: PretrainingConfig, noise: Noise
) -> Problem:
    """Describe the training of one autoencoder."""
    return Problem(
        "pretrain",
        config,
        list(autoencoder.parameters()),
        autoencoder.activation,
        _modified_layer(autoencoder),
        noise=noise,
        decoder=autoencoder.decoder,
    )


def finetuning_problem(
    stack: StackedDenoisingAutoencoder, config: FinetuningConfig, *, weighted: bool
) -> Problem:
    """Describe the training of a network, perhaps on weighted rows."""
    return Problem(
        "finetune",
        config,
        list(stack.mlp.parameters()),
        stack.activation,
        _modified_network(stack),
        has_weights=weighted,
        head=stack.head_kind,
    )


def autograd_lacks(_: Problem) -> None:
    """Return None: autograd trains everything."""


def closed_form_lacks(problem: Problem) -> str | None:
    """Return why the engine of closed form does not apply, or None."""
    config = problem.config
    if problem.head is not None and not problem.head.facts.picks_one:
        return f"it trains classifiers, and the stack has a {problem.head} head"
    if problem.has_weights:
        return "it has no sample weights"
    if isinstance(config, FinetuningConfig) and config.max_norm is not None:
        return "it has no max_norm, which touches every weight at every step"
    if config.optimizer is not Optimizer.SGD or config.momentum:
        return "it does plain gradient descent, without momentum or adaptive rates"
    if config.weight_decay:
        return "it has no weight_decay, which touches every weight at every step"
    return _parameters_lack(problem.parameters) or problem.modified


def fused_lacks(problem: Problem) -> str | None:
    """Return why the fused engine does not apply, or None."""
    if reason := closed_form_lacks(problem):
        return reason
    if problem.config.batch_size != 1:
        return f"it does one sample a step, and batch_size is {problem.config.batch_size}"
    if problem.activation.facts.kernel is None:
        return f"it has no kernel for the activation {problem.activation}"
    if problem.noise is not None and problem.noise.kernel_arguments(1) is None:
        return f"it has no kernel for the noise {problem.noise}"
    if problem.decoder is not None and problem.decoder.facts.kernel is None:
        return f"it has no kernel for the decoder {problem.decoder}"
    fault = numba_fault()
    return None if fault is None else f"{fault}. {_REMEDY}"


ENGINES: Mapping[str, Callable[[Problem], str | None]] = {
    "fused": fused_lacks,
    "closed_form": closed_form_lacks,
    "autograd": autograd_lacks,
}


def numba_fault() -> str | None:
    """Return why Numba, which compiles the fused engine, is of no use here, or None if it is."""
    try:
        import_module("numba")
    except ModuleNotFoundError as error:
        return "numba is not installed" if error.name == "numba" else _cannot_be_imported(error)
    except Exception as error:  # it refuses a NumPy or a Python, or its library does not load
        return _cannot_be_imported(error)
    return None


def _cannot_be_imported(error: Exception) -> str:
    return f"numba cannot be imported ({' '.join(str(error).split())[:200].rstrip('.')})"


def _parameters_lack(parameters: Sequence[Tensor]) -> str | None:
    """Return what about parameters keeps all but autograd from training them, or None."""
    types = {parameter.dtype for parameter in parameters}
    if types not in ({torch.float32}, {torch.float64}):
        names = ", ".join(sorted(str(each) for each in types))
        return f"it computes in float32 or float64, and the parameters are {names}"
    places = {parameter.device.type for parameter in parameters}
    if places != {"cpu"}:
        return f"it runs on the CPU, and the network is on {', '.join(sorted(places))}"
    if not all(parameter.requires_grad for parameter in parameters):
        return "it trains all parameters, and some are frozen (requires_grad is False)"
    if any(_is_hooked(parameter, _PARAMETER_HOOKS) for parameter in parameters):
        return "it computes no gradients that hooks of parameters could change"
    return None


def _modified_layer(autoencoder: DenoisingAutoencoder) -> str | None:
    """Return what a caller has made of a layer that only autograd knows, or None."""
    if type(autoencoder) is not DenoisingAutoencoder or is_parametrized(autoencoder):
        return f"it knows no {type(autoencoder).__name__}"
    return None


def _modified_network(stack: StackedDenoisingAutoencoder) -> str | None:
    """Return what a caller has made of the network that only autograd knows, or None."""
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
    plain = type(stack.head) is nn.Linear and not _is_hooked(stack.head, _MODULE_HOOKS)
    if stack.head.bias is None or not plain:
        return "the head was replaced by one it does not know"
    return next(filter(None, map(_modified_layer, layers)), None)


def _is_hooked(what: Tensor | nn.Module, kinds: Sequence[str]) -> bool:
    """Return whether a caller has hung a function of one of these kinds on something."""
    return any(getattr(what, kind, None) for kind in kinds)
