"""The identity of a training, by which a checkpoint is known to belong to it.

Axes: n rows, V columns.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdae._version import __version__
from sdae.core.ladder.network import LadderNetwork
from sdae.core.minibatches import minibatches
from sdae.core.model_file import parameters_of
from sdae.core.preprocessing import Scaling
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.wording import listed, plain, quoted
from sdae.train.settings import FinetuningConfig, PretrainingConfig

_ROWS_AT_A_TIME = 1024
_MOST_NAMES = 12  # listed in a message
_NONE = "none"

INITIAL = "initial parameters"
"""Name of the entry with the hash of the parameters at the start of a stage."""


@dataclass(frozen=True)
class Entry:
    """One part of the identity of a training.

    Attributes
    ----------
    value : str
    default : str or None
        Value assumed for a checkpoint that is older than the entry. None: a checkpoint without the
        entry belongs to another training.
    asked : bool
        False: for a checkpoint without the entry it is not compared, since its value is unknown.
    """

    value: str
    default: str | None = None
    asked: bool = True


Identity = Mapping[str, Entry]


def identity_of(
    stack: StackedDenoisingAutoencoder,
    config: PretrainingConfig | FinetuningConfig,
    seed: int,
    data: Mapping[str, RowSource | Tensor | None],
) -> dict[str, Entry]:
    """Return the settings, and hashes of the data and of the initial parameters.

    `engine` changes only rounding, so it is not part of the identity but of the circumstances.
    """
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    network = f"{stack.hidden_layer_sizes} {stack.activation} {[str(a.decoder) for a in layers]}"
    if layers[0].layout is not None:
        network += f" {layers[0].layout.blocks}"
    noises = str([f"{a.corruption} {a.emphasis}" for a in layers])
    return {
        **settings_of(config),
        "seed": Entry(str(seed)),
        "network": Entry(network),
        "noises": Entry(noises),
        **hashes_of(data),
        **initial_of(stack),
    }


def settings_of(config: Any) -> dict[str, Entry]:
    """Return an entry for each setting of a configuration but `engine`."""
    usual = type(config)()
    return {
        item.name: Entry(str(getattr(config, item.name)), str(getattr(usual, item.name)))
        for item in fields(config)
        if item.name != "engine"
    }


def initial_of(network: StackedDenoisingAutoencoder | LadderNetwork) -> dict[str, Entry]:
    """Return the entry of the parameters at the start of a stage."""
    return {INITIAL: Entry(_hash(parameter for _, parameter in parameters_of(network)))}


def hashes_of(data: Mapping[str, RowSource | Tensor | None]) -> dict[str, Entry]:
    """Return an entry for each part of the data."""
    return {name: Entry(_hash(_parts(part))) for name, part in data.items() if part is not None}


def names_of(
    *,
    columns: Sequence[str] | None,
    classes: Sequence[object] | None,
    **others: object,
) -> dict[str, Entry]:
    """Return what the numbers do not show: names, and how data were scaled and encoded.

    Older checkpoints lack these entries, which are then not compared.
    """
    texts = {
        "column names": _NONE if columns is None else json.dumps([str(c) for c in columns]),
        "class names": _NONE if classes is None else json.dumps(list(classes), default=str),
        **{name.replace("_", " "): _text(value) for name, value in others.items()},
    }
    return {name: Entry(text, asked=False) for name, text in texts.items()}


def differences(before: Mapping[str, str], defaults: Mapping[str, str], now: Identity) -> list[str]:
    """Return the differences between the training of a checkpoint and this one, as texts.

    `defaults` are the defaults of the entries of `before` in the version of sdae that wrote it: an
    entry that this version does not know must have its default. Names come last, since they mean
    little if the numbers differ too.
    """
    differs = []
    asked = {name: name not in now or now[name].asked for name in before.keys() | now.keys()}
    for name in sorted(asked, key=lambda name: (not asked[name], name)):
        entry = now.get(name)
        if name not in before and entry is not None and not entry.asked:
            continue
        was = before.get(name) if name in before or entry is None else entry.default
        value = defaults.get(name) if entry is None else entry.value
        if was != value:
            differs.append(_difference(name, was, value))
    return differs


def circumstances(network: nn.Module) -> dict[str, str]:
    """Return what rounding depends on: versions, threads, machine, device."""
    return {
        "sdae": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "numba": _numba(),
        "threads": str(torch.get_num_threads()),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": next(network.parameters()).device.type,
    }


def _numba() -> str:
    """Return the version of numba; it is not imported, since that takes a second."""
    try:
        return version("numba")
    except PackageNotFoundError:  # not installed
        return "none"


def _difference(name: str, was: str | None, now: str | None) -> str:
    """Return a text for a difference; in long lists only the first one."""
    before, after = _items(was), _items(now)
    if before is None or after is None:
        return f"{plain(name)} {_verb(name, 'was')} {_shown(was)}, and {_verb(name, 'is')} " + (
            f"{_shown(now)} now"
        )
    if not all(isinstance(item, str) for item in (*before, *after)):  # 1 is not "1"
        before, after = ([json.dumps(item) for item in items] for items in (before, after))
    if max(len(before), len(after)) <= _MOST_NAMES:
        return f"{plain(name)} were {listed(before)}, and are {listed(after)} now"
    if len(before) != len(after):
        return f"there were {len(before)} {plain(name)}, now there are {len(after)}"
    place = next(k for k, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
    return (
        f"number {place + 1} of {len(before)} {plain(name)} was {quoted(before[place])}, and is "
        f"{quoted(after[place])} now"
    )


def _verb(name: str, singular: str) -> str:
    """Return a verb in singular or, for names such as "column names", in plural."""
    several = " " in name and name.endswith("s")
    return {"was": "were", "is": "are"}[singular] if several else singular


def _shown(value: str | None) -> str:
    return "absent" if value is None else plain(value)


def _items(value: str | None) -> list[Any] | None:
    """Return the names that an entry lists; None if it is not a list."""
    try:
        items = json.loads(value or "")
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) else None


def _text(value: object) -> str:
    """Return a fact about the data as a text; for a scaling its kind and a hash."""
    if not isinstance(value, Scaling):
        return _NONE if value is None else str(value)
    numbers = (torch.from_numpy(part.copy()) for part in (value.offset, value.scale))
    return f"{value.kind} {_hash(numbers)}"


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
