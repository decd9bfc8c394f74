"""Whether all processes train the same: compared at the start, so that none learns something else.

Axes: n rows.
"""

import json
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from sdae._version import __version__
from sdae.core.errors import InvalidParameterError
from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource, SparseRows, TensorRows
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.wording import listed
from sdae.train.identity import Identity, hashes_of, identity_of
from sdae.train.processes.together import Processes
from sdae.train.settings import FinetuningConfig, PretrainingConfig

_SAMPLED_ROWS = 256
_LONGEST_SHOWN = 30
_MOST_SHOWN = 8


class _Sampled:
    """Some rows of a source, evenly spread: to read all from a disk would take too long."""

    def __init__(self, rows: RowSource) -> None:
        self._rows = rows
        n_sampled = min(len(rows), _SAMPLED_ROWS)
        self._samples = np.arange(n_sampled) * len(rows) // n_sampled

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V)."""
        return self._rows.batch(Minibatch(self._samples[minibatch.samples], None))


def check_alike(
    processes: Processes,
    stack: StackedDenoisingAutoencoder,
    config: PretrainingConfig | FinetuningConfig,
    seed: int,
    data: Mapping[str, RowSource | Tensor | None],
    known_by: Identity | None,
) -> None:
    """Raise an error, the same on every process, if they would not train the same.

    Compared are the settings, the data, the parameters, which of them are trained, and the
    versions. Of rows that are not in memory, their number and some of them are compared.

    Raises
    ------
    InvalidParameterError
        If a process differs from the first.
    """
    if processes.size == 1:
        return
    facts = {
        **identity_of(stack, config, seed, {}),
        **_hashes_of(data),
        **(known_by or {}),
    }
    values = _forms_of(stack)
    values |= {name: entry.value for name, entry in facts.items()}
    values |= {
        f"requires_grad of {name}": "False"
        for name, parameter in stack.named_parameters()
        if not parameter.requires_grad
    }
    values |= {
        f"number of rows of {name}": str(len(part))
        for name, part in data.items()
        if part is not None
    }
    values["version of sdae"] = __version__
    values["version of torch"] = str(torch.__version__)
    values["version of numpy"] = np.__version__
    if odd := first_that_differs(processes, values):
        rank, what = odd
        raise InvalidParameterError(
            f"Process {rank} does not train the same as process 0: different are {what}. Start all "
            "processes with the same network, data, settings and versions."
        )


def first_that_differs(processes: Processes, values: Mapping[str, str]) -> tuple[int, str] | None:
    """Return the first process whose values differ from those of process 0, and which do.

    All processes ask at the same time, and get the same answer; None: all have the same values.
    """
    first, *others = map(json.loads, processes.texts(json.dumps(values)))
    for rank, other in enumerate(others, start=1):
        differs = [name for name in {**first, **other} if first.get(name) != other.get(name)]
        if differs:
            return rank, listed((_shown(name, first, other) for name in differs), _MOST_SHOWN)
    return None


def _forms_of(stack: StackedDenoisingAutoencoder) -> dict[str, str]:
    """Return what else gives parameters other shapes or types, so that a message can name it."""
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    return {
        "number of columns": str(stack.n_visible),
        "dtype": listed(sorted({str(parameter.dtype) for parameter in stack.parameters()})),
        "tied": listed(str(layer.tied) for layer in layers),
    }


def _hashes_of(data: Mapping[str, RowSource | Tensor | None]) -> Identity:
    whole = (Tensor, TensorRows, SparseRows)
    return hashes_of(
        {
            name: part if part is None or isinstance(part, whole) else _Sampled(part)
            for name, part in data.items()
        }
    )


def _shown(name: str, first: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return what differs, with both values where these are short."""
    values = [facts.get(name) for facts in (other, first)]
    if any(value is None or len(value) > _LONGEST_SHOWN or _is_hash(value) for value in values):
        return name
    return f"{name} ({values[0]}, not {values[1]})"


def _is_hash(value: str) -> bool:
    return len(value) == 16 and set(value) <= set("0123456789abcdef")
