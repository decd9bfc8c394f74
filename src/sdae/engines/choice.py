"""Which engine runs a stage: ``auto`` takes the fastest that applies; a name asks for one."""

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from sdae.autoencoder import DenoisingAutoencoder
from sdae.config.training import FinetuningConfig, PretrainingConfig
from sdae.corruption import Noise
from sdae.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.engines.closed_form import ClosedFormFinetuning, ClosedFormPretraining
from sdae.errors import invalid_parameter
from sdae.minibatches import Minibatches
from sdae.rows import RowSource
from sdae.stack import StackedDenoisingAutoencoder

_REMEDY = "If there is a release for this Python, install it: pip install --upgrade numba"


class Engine(Protocol):
    """Anything that trains on a slice of minibatches."""

    @property
    def name(self) -> str:
        """What the history calls it."""
        ...

    @property
    def slice_samples(self) -> int:
        """About how many samples to hand it at once."""
        ...

    @property
    def compiles(self) -> bool:
        """Whether it will first compile its kernels, which takes some seconds."""
        ...

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return what it remembers from step to step, for a checkpoint."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up what it remembered.

        Raises
        ------
        LookupError, ValueError
            If that is not of this engine.
        """
        ...

    def close(self) -> None:
        """Let go of threads."""
        ...


def pretraining_engine(
    autoencoder: DenoisingAutoencoder,
    rows: RowSource,
    noise: Noise,
    config: PretrainingConfig,
    seed: int,
) -> Engine:
    """Return the engine that trains one autoencoder.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    match engine_of_pretraining(autoencoder, config):
        case "fused":
            from sdae.engines.fused_pretraining import FusedPretraining

            return FusedPretraining(autoencoder, rows, noise, seed)
        case "closed_form":
            return ClosedFormPretraining(autoencoder, rows, noise, config.batch_size, seed)
        case _:
            return AutogradPretraining(autoencoder, rows, noise, config, seed)


def finetuning_engine(
    stack: StackedDenoisingAutoencoder,
    rows: RowSource,
    y: Tensor,
    config: FinetuningConfig,
    seed: int,
    weights: Tensor | None = None,
) -> Engine:
    """Return the engine that trains the network on labels or values `y`, perhaps weighted rows.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    match engine_of_finetuning(stack, config, weighted=weights is not None):
        case "fused":
            from sdae.engines.fused_finetuning import FusedFinetuning

            return FusedFinetuning(stack, rows, y, config, seed)
        case "closed_form":
            return ClosedFormFinetuning(stack, rows, y, config, seed)
        case _:
            return AutogradFinetuning(stack, rows, y, config, seed, weights)


def engine_of_pretraining(autoencoder: DenoisingAutoencoder, config: PretrainingConfig) -> str:
    """Return the name of the engine that is to train one autoencoder.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    obstacle = _obstacle(config, list(autoencoder.parameters())) or _strange_layer(autoencoder)
    return _chosen(config.engine, config.batch_size, obstacle, "pretrain")


def engine_of_finetuning(
    stack: StackedDenoisingAutoencoder, config: FinetuningConfig, *, weighted: bool
) -> str:
    """Return the name of the engine that is to train the network, perhaps on weighted rows.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    obstacle = _obstacle(config, list(stack.mlp.parameters())) or _strange_network(stack)
    if config.max_norm is not None:
        obstacle = "it has no max_norm, which touches every weight at every step"
    if weighted:
        obstacle = "it has no sample weights"
    if stack.n_targets is not None:
        obstacle = "it trains classifiers, and the stack has a regression head"
    return _chosen(config.engine, config.batch_size, obstacle, "finetune")


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


def _chosen(engine: str, batch_size: int, obstacle: str | None, caller: str) -> str:
    """Return the name of the engine that is to run a stage, given what keeps it in autograd.

    Raises
    ------
    InvalidParameterError
        If the one asked for does not apply.
    """
    if engine == "autograd":
        return engine
    lacking = _what_fused_lacks(batch_size)
    if engine == "auto":
        if obstacle is not None:
            return "autograd"
        if batch_size == 1 and lacking is not None:
            warnings.warn(
                f"Batch size 1 is slow here, without the fused engine: {lacking}.",
                RuntimeWarning,
                stacklevel=2,
            )
        return "fused" if lacking is None else "closed_form"
    obstacle = obstacle or (lacking if engine == "fused" else None)
    if obstacle is not None:
        raise invalid_parameter(
            "engine", caller, "one that applies", engine, f"It does not: {obstacle}. Use 'auto'."
        )
    return engine


def _what_fused_lacks(batch_size: int) -> str | None:
    """Return what keeps the fused engine from what the closed form can do, or None."""
    if batch_size != 1:
        return f"it does one sample a step, and batch_size is {batch_size}"
    fault = numba_fault()
    return None if fault is None else f"{fault}. {_REMEDY}"


def _obstacle(
    config: PretrainingConfig | FinetuningConfig, parameters: Sequence[Tensor]
) -> str | None:
    """Return what keeps all but autograd from training parameters as a config says, or None."""
    if config.optimizer != "sgd" or config.momentum:
        return "it does plain gradient descent, without momentum or adaptive rates"
    if config.weight_decay:
        return "it has no weight_decay, which touches every weight at every step"
    kinds = {parameter.dtype for parameter in parameters}
    if kinds not in ({torch.float32}, {torch.float64}):
        names = ", ".join(sorted(str(kind) for kind in kinds))
        return f"it computes in float32 or float64, and the parameters are {names}"
    places = {parameter.device.type for parameter in parameters}
    if places != {"cpu"}:
        return f"it runs on the CPU, and the network is on {', '.join(sorted(places))}"
    if not all(parameter.requires_grad for parameter in parameters):
        return "it trains all parameters, and some are frozen (requires_grad is False)"
    if any(_is_hooked(parameter, _PARAMETER_HOOKS) for parameter in parameters):
        return "it computes no gradients that hooks of parameters could change"
    return None


_PARAMETER_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
_MODULE_HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
)


def _is_hooked(what: Tensor | nn.Module, kinds: Sequence[str]) -> bool:
    """Tell whether a caller has hung a function of one of these kinds on something."""
    return any(getattr(what, kind, None) for kind in kinds)


def _strange_layer(autoencoder: DenoisingAutoencoder) -> str | None:
    """Return what a caller has made of a layer that only autograd knows, or None."""
    if type(autoencoder) is not DenoisingAutoencoder or is_parametrized(autoencoder):
        return f"it knows no {type(autoencoder).__name__}"
    return None


def _strange_network(stack: StackedDenoisingAutoencoder) -> str | None:
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
    return next(filter(None, map(_strange_layer, layers)), None)
