"""How estimators learn: one call of ``fit`` or ``partial_fit``, from checked rows to a network.

An estimator checks its rows and targets, calls :func:`start` where it does not go on with an older
network, and then :func:`train`, or :func:`train_on_chunk` in a stream. The stages themselves are
:func:`sdae.pretrain` and :func:`sdae.finetune`. Axes: n rows, V columns, T targets.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from sdae.core.errors import invalid_parameter
from sdae.core.inference import products_of_a_block
from sdae.core.surroundings import undisturbed
from sdae.core.threads import threads, usable_threads
from sdae.estimators.base import SDAEBase
from sdae.estimators.fit_callbacks import Recorder, interruptible
from sdae.estimators.fit_checkpoints import own_checkpoint
from sdae.estimators.inputs import Rows
from sdae.estimators.new_networks import network_rows, new_network, seed_of, settle
from sdae.estimators.parameters import Settings
from sdae.estimators.stages import (
    Finetuning,
    Labelled,
    LbfgsFinetuning,
    MinibatchFinetuning,
    Pretraining,
)
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.history import FINETUNING, PRETRAINING, History
from sdae.train.identity import names_of

logger = logging.getLogger("sdae")


@contextmanager
def whole_or_not_at_all(estimator: SDAEBase, *, goes_on: bool) -> Iterator[None]:
    """Leave an estimator as it was if what happens inside fails."""
    with undisturbed():
        usable_threads(1)  # to copy a network is work for several
        before = dict(estimator.__dict__)
        if goes_on:  # then the network is trained in place
            before["network_"] = copy.deepcopy(estimator.network_)
        try:
            yield
        except BaseException:
            estimator.__dict__.clear()
            estimator.__dict__.update(before)
            raise


def goes_on(estimator: SDAEBase, wanted: bool, settings: Settings) -> bool:
    """Return whether to train on from what there is.

    Raises
    ------
    InvalidParameterError
        If the parameters are of another network meanwhile.
    """
    if not wanted or not estimator.__sklearn_is_fitted__():
        return False
    estimator._check_network(settings)
    return True


def start(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    *,
    n_classes: int | None = None,
    n_targets: int | None = None,
) -> None:
    """Settle the scaling on the rows of pre-training and build a new network."""
    caller = type(estimator).__name__
    estimator.scaling_, decoders = settle(x, settings, caller)
    random_state = estimator.random_state
    if settings.checkpoint is not None and not isinstance(random_state, int | np.integer):
        wanted = "an integer where there is a checkpoint, by which fit finds its place again"
        raise invalid_parameter("random_state", caller, wanted, random_state)
    estimator._seed = seed_of(random_state, caller)
    estimator.network_ = new_network(
        x.shape[1], settings, decoders, estimator._seed, n_classes=n_classes, n_targets=n_targets
    )
    estimator.n_layers_ = estimator.network_.n_layers
    estimator.history_ = ()
    estimator._n_calls = estimator._n_stream_epochs = 0


def train(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    labelled: Labelled | None = None,
    watched: Labelled | None = None,
    *,
    pretrains: bool = True,
) -> None:
    """Pre-train on raw rows `x`, then fine-tune on the labelled ones, if there are any.

    With early stopping `watched` are the rows that tell when to stop.
    """
    epochs = settings.pretrain_epochs if pretrains else (0,)
    recorder = _train(estimator, x, settings, epochs, labelled, watched, settings.checkpoint)
    each = settings.pretrain_epochs
    n_layers = estimator.n_layers_
    estimator._n_stream_epochs = sum(each) * (n_layers if len(each) == 1 else 1)
    estimator.history_ = tuple(recorder.records)
    for finding in History(estimator.history_).findings:
        logger.warning("%s", finding.text)


def train_on_chunk(
    estimator: SDAEBase, x: Rows, settings: Settings, labelled: Labelled | None = None
) -> None:
    """Take some rows of a stream: an epoch of one layer's pre-training, and one of fine-tuning.

    Layer 0 is trained by the first ``pretrain_epochs`` calls, layer 1 by the next ones, and so on;
    then pre-training is over. After ``fit`` it is over too.
    """
    each = settings.pretrain_epochs
    each = each * estimator.n_layers_ if len(each) == 1 else each
    layer = int(np.searchsorted(np.cumsum(each), estimator._n_stream_epochs, side="right"))
    estimator._n_stream_epochs += 1
    epochs = tuple(int(k == layer) for k in range(estimator.n_layers_))
    recorder = _train(estimator, x, settings, epochs, labelled, max_iter=1)
    estimator.history_ = (*estimator.history_, *recorder.records)  # too short to be judged


def _train(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    epochs: tuple[int, ...],
    labelled: Labelled | None,
    watched: Labelled | None = None,
    checkpoint: Checkpoint | None = None,
    max_iter: int | None = None,
) -> Recorder:
    """Train the network of an estimator; Ctrl-C keeps what was learned, with a warning."""
    network = estimator.network_
    recorder = Recorder(verbose=settings.verbose)
    # A step takes some four times a forward pass; the fused engine decides for itself.
    n_rows = settings.batch_of(x.shape[0])
    n_products = products_of_a_block(network, 4 * n_rows if n_rows > 1 else 1 << 40)
    with threads(settings.n_threads, n_products):
        stages = _stages(estimator, x, settings, epochs, labelled, watched, max_iter)
        if checkpoint is not None:
            kept = {name: stage.identity() for name, stage in stages.items() if stage.is_kept}
            checkpoint = own_checkpoint(checkpoint, kept) if kept else None
        with interruptible(recorder, fine_tunes=labelled is not None):
            for stage in stages.values():
                stage.run(recorder, checkpoint)
    estimator._n_calls += 1
    network.zero_grad()
    return recorder


def _stages(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    epochs: tuple[int, ...],
    labelled: Labelled | None,
    watched: Labelled | None,
    max_iter: int | None,
) -> dict[str, Pretraining | Finetuning]:
    """Return what is to be done, checked: what fine-tuning would refuse stops pre-training too."""
    network, scaling = estimator.network_, estimator.scaling_
    seed = estimator._seed + estimator._n_calls
    classes = getattr(estimator, "classes_", None)
    names = names_of(  # what tells this fit from others, beside parameters and numbers
        columns=getattr(estimator, "feature_names_in_", None),
        classes=None if classes is None else classes.tolist(),
        class_type=None if classes is None else classes.dtype.str,
        scaling=scaling,
        target_scaling=getattr(estimator, "target_scaling_", None),
    )
    stages: dict[str, Pretraining | Finetuning] = {}
    if any(epochs):
        rows = network_rows(x, scaling, network)
        stages[PRETRAINING] = Pretraining(network, rows, settings, epochs, seed, names)
    if labelled is not None:
        labelled = labelled.for_network(scaling, network)
        if watched is not None:
            watched = watched.for_network(scaling, network)
        if settings.uses_lbfgs:
            stages[FINETUNING] = LbfgsFinetuning(network, labelled, settings)
        else:
            stages[FINETUNING] = MinibatchFinetuning(
                network, labelled, watched, settings, seed, names, max_iter
            )
    return stages
