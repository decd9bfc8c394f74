"""From checked parameters and rows to a trained network; the walks themselves are `sdae.train`.

Axes: n rows, V columns, T targets.
"""

import copy
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sdae.core.devices import resolve_device
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import Scaling, choose, fit_scaling, fit_scaling_sparse
from sdae.core.rows import RowSource, ScaledRows, SparseRows, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.fit_callbacks import Plateau, Recorder, interruptible
from sdae.estimators.fit_checkpoints import in_turn, own_checkpoint
from sdae.estimators.inputs import Rows
from sdae.estimators.parameters import Settings
from sdae.train.beforehand import check_finetuning
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.finetuning import run_finetuning
from sdae.train.history import FINETUNING, PRETRAINING
from sdae.train.identity import Entry, Identity, identity_of
from sdae.train.pretraining import run_pretraining
from sdae.train.settings import FinetuningConfig

_LOWEST_RATE = 1e-6
_SEEDS_APART = 1_000_003


@dataclass(frozen=True)
class Labelled:
    """Rows with targets: class numbers (n,) int64, or values (n, T) float64.

    `weight` says how much each row counts, (n,); None weighs all alike.
    """

    x: Any
    targets: NDArray[Any]
    weight: NDArray[np.float64] | None = None


def settle(x: Rows, settings: Settings, caller: str) -> tuple[Scaling | None, tuple[Decoder, ...]]:
    """Settle ``auto``: the scaling of the columns and the decoder of each layer.

    Raises
    ------
    DataError
        If cross-entropy is asked for on data outside [0, 1], or values are too large to scale.
    """
    first, *above = settings.decoder
    if not above:
        # "sigmoid" and "auto" are settled by the data for layer 0 alone: upper layers follow the
        # range of the codes below.
        upper = Decoder.LINEAR if first is Decoder.LINEAR else Decoder.AUTO
        above = [upper] * (len(settings.hidden_layer_sizes) - 1)
    remedy = "Set scale='minmax', or decoder='linear'."
    scale, first, _ = choose(x, settings.scale, first, f"X of {caller}", remedy)
    with np.errstate(over="ignore", invalid="ignore"):
        scaling = (fit_scaling_sparse if sparse.issparse(x) else fit_scaling)(x, scale)
    if scaling is not None and not np.isfinite([scaling.offset, scaling.scale]).all():
        raise DataError(
            "X has a column whose values are too large to scale (from "
            f"{float(x.min()):.6g} to {float(x.max()):.6g}). Divide it by a constant first."
        )
    return scaling, (first, *above)


def new_network(
    n_visible: int,
    settings: Settings,
    decoders: tuple[Decoder, ...],
    seed: int,
    *,
    n_classes: int | None = None,
    n_targets: int | None = None,
) -> StackedDenoisingAutoencoder:
    """Build the network of an estimator, untrained, on its device."""
    network = StackedDenoisingAutoencoder(
        n_visible,
        settings.hidden_layer_sizes,
        n_classes,
        settings.corruption,
        activation=settings.activation,
        decoder=decoders,
        tied=settings.tied,
        seed=seed,
        n_targets=n_targets,
    )
    return network.to(resolve_device(settings.device))


def network_rows(
    x: Rows, scaling: Scaling | None, network: StackedDenoisingAutoencoder
) -> NDArray[np.float32] | RowSource:
    """Return rows as the network takes them; sparse ones stay sparse until their minibatch."""
    if sparse.issparse(x):
        like = network.autoencoder(0).weight.detach()
        if scaling is None:
            return SparseRows(x, like)
        exact = SparseRows(x, like.cpu().double())  # scaled in float64, as dense rows are
        return ScaledRows(exact, scaling.offset, scaling.scale, like)
    if scaling is None:
        return np.asarray(x, np.float32)
    return scaling.apply(x)


def train(
    network: StackedDenoisingAutoencoder,
    rows: NDArray[np.float32] | RowSource | None,
    settings: Settings,
    seed: int,
    *,
    epochs: tuple[int, ...],
    labelled: Labelled | None = None,
    validation: Labelled | None = None,
    max_iter: int | None = None,
    checkpoint: Checkpoint | None = None,
    known_by: Identity | None = None,
) -> Recorder:
    """Pre-train on `rows`, then fine-tune on those with targets; Ctrl-C keeps what was learned.

    Parameters
    ----------
    network : StackedDenoisingAutoencoder
        Trained in place.
    rows : array or RowSource, (n, V), or None
        As the network takes them; None leaves pre-training out.
    settings : Settings
    seed : int
        Of order and noise.
    epochs : tuple of int
        Of pre-training, of each layer or of all.
    labelled, validation : Labelled or None
        Rows to fine-tune on, and rows to watch.
    max_iter : int or None
        Epochs of fine-tuning, without a rule to stop earlier; None takes the settings'.
    checkpoint : Checkpoint or None
        In whose folder the state is kept.
    known_by : mapping or None
        What else tells this training from others there.
    """
    recorder = Recorder(verbose=settings.verbose)
    names = known_by or {}
    stages: dict[str, Callable[[], Identity]] = {}
    if rows is not None:
        pretraining = settings.pretraining(len(rows), epochs)
        source = row_source(rows, network.n_visible, network.autoencoder(0).weight, "x")
        stages[PRETRAINING] = lambda: {
            **identity_of(network, pretraining, seed, {"x": source}),
            **names,
        }
    if labelled is not None:  # what would stop fine-tuning is refused before pre-training
        finetuning = _first_piece(network, labelled, settings, max_iter)
        pair = labelled.x, labelled.targets
        watched, weights = None, None
        if validation is not None:
            watched, weights = (validation.x, validation.targets), validation.weight
        task = check_finetuning(network, pair, watched, None, finetuning, labelled.weight, weights)
        stages[FINETUNING] = lambda: {
            **identity_of(network, finetuning, seed, task.data()),
            **_rule(settings),
            **names,
        }
    if checkpoint is not None:
        checkpoint = own_checkpoint(checkpoint, {name: of() for name, of in stages.items()})
    with interruptible(recorder, fine_tunes=labelled is not None):
        if rows is not None:
            in_turn(
                lambda: run_pretraining(
                    network,
                    source,
                    pretraining,
                    seed=seed,
                    checkpoint=checkpoint,
                    known_by=names,
                    callbacks=[recorder],
                )
            )
        if labelled is not None:
            _finetune(
                network,
                labelled,
                validation,
                settings,
                seed,
                recorder,
                max_iter,
                checkpoint,
                names,
            )
    return recorder


def _first_piece(
    network: StackedDenoisingAutoencoder,
    labelled: Labelled,
    settings: Settings,
    max_iter: int | None,
) -> FinetuningConfig:
    """Return what fine-tuning does, up to the first plateau if the rate is adaptive."""
    return settings.finetuning(
        len(labelled.targets),
        max_iter or settings.max_iter,
        settings.learning_rate_init,
        classifies=network.n_targets is None,
    )


def _rule(settings: Settings) -> dict[str, Entry]:
    """Return what the rule that stops fine-tuning is known by."""
    return {
        "tol": Entry(str(settings.tol)),
        "n_iter_no_change": Entry(str(settings.n_iter_no_change)),
    }


def _finetune(
    network: StackedDenoisingAutoencoder,
    labelled: Labelled,
    validation: Labelled | None,
    settings: Settings,
    seed: int,
    recorder: Recorder,
    max_iter: int | None,
    checkpoint: Checkpoint | None,
    names: Identity,
) -> None:
    """Fine-tune; ``adaptive`` goes on at a fifth of the rate whenever a plateau is reached."""
    first = _first_piece(network, labelled, settings, max_iter)
    left, rate, piece = first.epochs, first.learning_rate, 0
    plateau = Plateau(settings.tol, settings.n_iter_no_change)
    best_error, best = math.inf, network.state_dict()
    while left > 0:
        config = replace(first, epochs=left, learning_rate=rate)
        history = in_turn(
            partial(
                run_finetuning,
                network,
                (labelled.x, labelled.targets),
                None if validation is None else (validation.x, validation.targets),
                None,
                config,
                seed=seed + piece * _SEEDS_APART,
                checkpoint=checkpoint,
                stage=f"{FINETUNING}-{piece}" if piece else FINETUNING,
                known_by={**_rule(settings), **names},
                callbacks=[recorder] if max_iter else [recorder, plateau],
                sample_weight=labelled.weight,
                validation_weight=None if validation is None else validation.weight,
            )
        )
        error = history.best_validation_error
        if error is not None and error < best_error:
            best_error, best = error, copy.deepcopy(network.state_dict())
        left -= len(history.records)
        rate, piece = rate / 5, piece + 1
        if not settings.adapts or not plateau.reached or rate <= _LOWEST_RATE:
            break
        plateau.go_on()
    if best_error < math.inf:
        network.load_state_dict(best)
    if left == 0 and max_iter is None and not plateau.reached:
        warnings.warn(
            f"Fine-tuning ended after max_iter={settings.max_iter} epochs and was still improving "
            f"by more than tol={settings.tol:g}. Raise max_iter, or the learning rate.",
            ConvergenceWarning,
            stacklevel=5,
        )


def seed_of(random_state: Any, caller: str) -> int:
    """Draw the seed of a fit from `random_state`: None, an integer, or NumPy's generator."""
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError:
        wanted = "None, an integer in [0, 2**32), or a RandomState"
        raise invalid_parameter("random_state", caller, wanted, random_state) from None
