"""What a training is known by: a checkpoint is of this training or of another.

Axes: n rows, V columns.
"""

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from sdae.config.training import FinetuningConfig, PretrainingConfig
from sdae.minibatches import minibatches
from sdae.model_file import parameters_of
from sdae.rows import RowSource
from sdae.stack import StackedDenoisingAutoencoder

_ROWS_AT_A_TIME = 1024


def identity_of(
    stack: StackedDenoisingAutoencoder,
    config: PretrainingConfig | FinetuningConfig,
    seed: int,
    data: Mapping[str, RowSource | Tensor | None],
) -> dict[str, str]:
    """Return the settings, and hashes of the data and of the parameters at the beginning.

    `engine`, which changes bytes but not what is computed, is one of the circumstances.
    """
    settings = {
        item.name: str(getattr(config, item.name))
        for item in fields(config)
        if item.name != "engine"
    }
    initial = _hash(parameter for _, parameter in parameters_of(stack))
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    network = f"{stack.hidden_layer_sizes} {stack.activation} {[str(a.decoder) for a in layers]}"
    hashes = {name: _hash(_parts(part)) for name, part in data.items() if part is not None}
    noises = str([f"{a.corruption} {a.emphasis}" for a in layers])
    return {
        **settings,
        "seed": str(seed),
        "network": network,
        "noises": noises,
        "initial parameters": initial,
        **hashes,
    }


def circumstances(stack: StackedDenoisingAutoencoder) -> dict[str, str]:
    """Return what the last bits depend on: versions, threads, machine, device."""
    versions = {}
    for package in ("sdae", "torch", "numpy", "numba"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # numba, where there is none for this Python
            versions[package] = "none"
    return {
        **versions,
        "threads": str(torch.get_num_threads()),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": stack.autoencoder(0).weight.device.type,
    }


def _parts(data: RowSource | Tensor) -> Iterable[Tensor]:
    if isinstance(data, Tensor):
        return [data]
    return (data.batch(part) for part in minibatches(len(data), _ROWS_AT_A_TIME))


def _hash(tensors: Iterable[Tensor]) -> str:
    """Return the SHA-256 of tensors: their types, shapes and bytes."""
    digest: Any = hashlib.sha256()
    for tensor in tensors:
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{plain.dtype} {list(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return str(digest.hexdigest()[:16])
