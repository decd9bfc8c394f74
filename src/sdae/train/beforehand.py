"""Checks before the first step: errors of every layer, and of both stages."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.conversions import Array
from sdae.core.errors import DataError, InvalidParameterError, invalid_parameter
from sdae.core.kinds.noises import Noise
from sdae.core.minibatches import n_batches
from sdae.core.rows import RowsLike, RowSource, row_source, value_range
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.targets import weight_tensor
from sdae.core.wording import listed
from sdae.train.consistency.neighbours import check_available
from sdae.train.engines.choice import engine_of_finetuning, engine_of_pretraining
from sdae.train.engines.steps import N_SHARES
from sdae.train.joined_rows import JoinedRows
from sdae.train.labelled import LabelledRows, ScoredRows, labelled_rows, scored_rows
from sdae.train.settings import (
    CONSISTENCY,
    LABEL_SPREADING,
    FinetuningConfig,
    PretrainingConfig,
)


def check_pretraining(
    stack: StackedDenoisingAutoencoder,
    rows: RowSource,
    config: PretrainingConfig,
    noises: Sequence[Noise],
    n_processes: int = 1,
) -> None:
    """Raise the errors that would stop pre-training, also of upper layers, before any training.

    Codes without an upper bound can be checked for [0, 1] only after they are computed.

    Raises
    ------
    InvalidParameterError, DataError
        As :func:`sdae.pretrain`.
    """
    if n_batches(len(rows), config.batch_size, config.drop_last) == 0:
        raise InvalidParameterError(
            f"The batch_size parameter of pretrain must be at most the {len(rows)} rows of x with "
            f"drop_last. Got {config.batch_size} instead."
        )
    _check_shares(config, len(rows), n_processes, "pretrain")
    check_precision(config, stack.autoencoder(0).weight, "pretrain")
    for layer in range(stack.n_layers):
        autoencoder = stack.autoencoder(layer)
        _check_trainable(autoencoder, "pretrain", f"layer {layer}")
        if config.engine != "auto":  # auto always finds an engine
            engine_of_pretraining(autoencoder, config, noises[layer], n_processes)
        if layer == 0:
            check_range(autoencoder, rows)
        elif stack.activation.facts.low < 0 and autoencoder.needs_unit_interval:
            raise _outside(autoencoder, stack.activation.facts.low, stack.activation.facts.high)


def check_range(autoencoder: DenoisingAutoencoder, rows: RowSource) -> None:
    """Raise an error for cross-entropy with data outside [0, 1].

    Raises
    ------
    DataError
        If the decoder needs data in [0, 1] and some are outside.
    """
    if autoencoder.needs_unit_interval:
        low, high = value_range(rows)
        if low < 0 or high > 1:
            raise _outside(autoencoder, low, high)


def _check_shares(
    config: PretrainingConfig | FinetuningConfig, n_rows: int, n_processes: int, caller: str
) -> None:
    """Raise an error for what several processes, or fixed shares of minibatches, cannot do."""
    batch_size = min(config.batch_size, n_rows)
    if batch_size < n_processes:
        wanted = f"at least {n_processes}, a row for each process"
        remedy = (
            "Minibatches are shared by the processes: start fewer of them, or take larger "
            "minibatches."
        )
        if config.batch_size > n_rows:
            there = "There is 1 row" if n_rows == 1 else f"There are {n_rows} rows"
            remedy = f"{there}: start fewer processes."
        raise invalid_parameter("batch_size", caller, wanted, config.batch_size, remedy)
    if config.deterministic and n_processes > N_SHARES:
        wanted = f"false with more than {N_SHARES} processes"
        remedy = f"There are {n_processes}."
        raise invalid_parameter("deterministic", caller, wanted, True, remedy)
    methods = config.semi_supervised if isinstance(config, FinetuningConfig) else None
    if methods is not None and (n_processes > 1 or config.deterministic):
        what = "several processes" if n_processes > 1 else "deterministic"
        remedy = "Pre-training learns from unlabelled rows, and supports it."
        if n_processes > 1:
            remedy = f"Start one process, or set semi_supervised to none. {remedy}"
        value = listed(methods)
        raise invalid_parameter("semi_supervised", caller, f"none with {what}", value, remedy)


def check_precision(
    config: PretrainingConfig | FinetuningConfig, parameter: Tensor, caller: str
) -> None:
    """Raise an error for products of another type where these cannot be taken.

    `parameter` is one of those to train.

    Raises
    ------
    InvalidParameterError
        If they cannot.
    """
    precision, device = config.precision, parameter.device.type
    if precision == "float32":
        return
    wanted, remedy = None, "Leave it out."
    if device != "cuda":
        wanted = f"'float32' on {device}"
        remedy = "Other types of products need device='cuda'."
    elif parameter.dtype is not torch.float32:
        wanted = f"'float32', which leaves products as they are, for a network of {parameter.dtype}"
    elif isinstance(config, FinetuningConfig) and config.semi_supervised:
        wanted = "'float32' with semi_supervised"
    if wanted is not None:
        raise invalid_parameter("precision", caller, wanted, precision, remedy)


def _check_trainable(part: nn.Module, caller: str, name: str) -> None:
    if not any(parameter.requires_grad for parameter in part.parameters()):
        raise InvalidParameterError(
            f"{caller} cannot train {name}: all its parameters are frozen (requires_grad is "
            "False). Unfreeze some with requires_grad_(True)."
        )


def _outside(autoencoder: DenoisingAutoencoder, low: float, high: float) -> DataError:
    below = autoencoder.layer - 1
    what = "x goes" if below < 0 else f"the codes of layer {below} go"
    return DataError(
        f"Layer {autoencoder.layer} has the sigmoid decoder with cross-entropy, which needs "
        f"data in [0, 1], but {what} from {low:.6g} to {high:.6g}. Scale the data, or use "
        "decoder='linear'."
    )


@dataclass(frozen=True)
class FinetuningTask:
    """The data and settings of a fine-tuning, checked and on the device of the network.

    Attributes
    ----------
    stack : StackedDenoisingAutoencoder
    config : FinetuningConfig
    rows, y : RowSource, Tensor
        Training rows and their targets.
    weights : Tensor or None
        Weights of the training rows.
    scored : dict
        The validation and the test set, if given.
    n_updates : int
        Updates per epoch.
    every : RowSource or None
        The training rows and, below them, unlabelled rows, where these are learned from.
    """

    stack: StackedDenoisingAutoencoder
    config: FinetuningConfig
    rows: RowSource
    y: Tensor
    weights: Tensor | None
    scored: dict[str, ScoredRows]
    n_updates: int
    every: RowSource | None = None

    @property
    def visited(self) -> RowSource:
        """The rows that an epoch goes through."""
        return self.rows if self.every is None else self.every

    def data(self) -> dict[str, RowSource | Tensor | None]:
        """Return all data, with a name for each part."""
        parts: dict[str, RowSource | Tensor | None] = {
            "x": self.rows,
            "y": self.y,
            "sample_weight": self.weights,
        }
        if self.every is not None:
            parts["x with unlabelled rows"] = self.every
        for name, (x, y, weight) in self.scored.items():
            parts[f"x of the {name} set"] = x
            parts[f"y of the {name} set"] = y
            parts[f"weights of the {name} set"] = weight
        return parts


def check_finetuning(
    stack: StackedDenoisingAutoencoder,
    train: LabelledRows,
    validation: LabelledRows | None,
    test: LabelledRows | None,
    config: FinetuningConfig,
    sample_weight: Array | None = None,
    validation_weight: Array | None = None,
    unlabeled: RowsLike | None = None,
    n_processes: int = 1,
) -> FinetuningTask:
    """Raise the errors that would stop fine-tuning; also called before pre-training.

    Raises
    ------
    InvalidParameterError, DataError
        As :func:`finetune`.
    """
    rows, y = labelled_rows(stack, train, "training")
    _check_trainable(stack.mlp, "finetune", "the network")
    weights = None
    if sample_weight is not None:
        weights = weight_tensor(sample_weight, len(rows), "finetune", stack.head.weight)
    scored = {
        name: scored_rows(stack, split, name, weight)
        for name, split, weight in (
            ("validation", validation, validation_weight),
            ("test", test, None),
        )
        if split is not None
    }
    every = _with_unlabelled(stack, rows, unlabeled, config)
    n_visited = len(rows if every is None else every)
    n_updates = n_batches(n_visited, config.batch_size, config.drop_last)
    if n_updates == 0:
        raise InvalidParameterError(
            f"The batch_size parameter of finetune must be at most the {n_visited} training rows "
            f"with drop_last. Got {config.batch_size} instead."
        )
    _check_shares(config, n_visited, n_processes, "finetune")
    check_precision(config, stack.head.weight, "finetune")
    if config.engine != "auto":  # auto always finds an engine
        engine_of_finetuning(stack, config, weighted=weights is not None, n_processes=n_processes)
    return FinetuningTask(stack, config, rows, y, weights, scored, n_updates, every)


def _with_unlabelled(
    stack: StackedDenoisingAutoencoder,
    rows: RowSource,
    unlabeled: RowsLike | None,
    config: FinetuningConfig,
) -> RowSource | None:
    """Return the training rows with unlabelled ones below them; None if these do not matter.

    Raises
    ------
    InvalidParameterError, DataError, MissingExtraError
        If unlabelled rows cannot be learned from.
    """
    if config.semi_supervised is None:
        if unlabeled is not None:
            raise InvalidParameterError(
                "The unlabeled parameter of finetune must be None without semi_supervised, which "
                f"says what is learned from these rows. Set it to 'auto', or one of "
                f"{listed(CONSISTENCY)}."
            )
        return None
    if not stack.head_facts.picks_one:
        wanted = f"none for a stack with a {stack.head_kind} head: only classes can be spread"
        names = ", ".join(config.semi_supervised)
        raise invalid_parameter("semi_supervised", "finetune", wanted, names)
    every = rows
    if unlabeled is not None:
        like = stack.head.weight
        every = JoinedRows(rows, row_source(unlabeled, stack.n_visible, like, "unlabeled"))
    if LABEL_SPREADING in config.semi_supervised:
        check_available(len(every))
    return every
