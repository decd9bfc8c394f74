"""What all four estimators share: a network, its scaling, and the codes it gives.

Axes: n rows, V columns, H units of a layer.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sdae.core.devices import nearest_device
from sdae.core.errors import invalid_parameter
from sdae.core.inference import device_of, in_blocks, layer_codes, products_of_a_block, rebuilt
from sdae.core.preprocessing import Scaling
from sdae.core.stack import StackedDenoisingAutoencoder, copy_on_cpu
from sdae.core.surroundings import undisturbed
from sdae.core.threads import threads, usable_threads
from sdae.core.wording import reason
from sdae.estimators.fit_callbacks import Recorder
from sdae.estimators.fitting import (
    Labelled,
    network_rows,
    new_network,
    seed_of,
    settle,
    train,
)
from sdae.estimators.inputs import Rows, checked_rows
from sdae.estimators.parameters import Settings
from sdae.train.history import EpochRecord, History
from sdae.train.identity import Identity, names_of

logger = logging.getLogger("sdae")

_ANYWHERE = ("cpu", "meta")  # kinds of devices that every machine has


class SDAEBase(BaseEstimator):
    """A stacked denoising autoencoder with scaling, as scikit-learn's estimators hold one.

    Attributes
    ----------
    network_ : StackedDenoisingAutoencoder
        The PyTorch model.
    scaling_ : Scaling or None
        Applied to rows before the network sees them.
    n_layers_ : int
    history_ : tuple of EpochRecord
        Of the last call of ``fit``; of all calls of ``partial_fit``.
    pretraining_loss_curves_ : list of lists of float
        Mean cost of each epoch, one list per layer.
    """

    network_: StackedDenoisingAutoencoder
    scaling_: Scaling | None
    n_layers_: int
    history_: tuple[EpochRecord, ...]
    pretraining_loss_curves_: list[list[float]]
    n_features_in_: int
    n_threads: int | None
    random_state: Any
    feature_names_in_: NDArray[Any]
    _seed: int
    _n_calls: int
    _n_stream_epochs: int

    def _settings(self) -> Settings:
        return Settings.read(self._own_parameters(), type(self).__name__)

    def _own_parameters(self) -> dict[str, Any]:
        """Return the parameters of the estimator of this package that a subclass extends.

        A subclass may have parameters of its own, or settle some of ours: they are attributes.
        """
        kinds: Any = type(self).__mro__
        ours = next(kind for kind in kinds if kind.__module__.startswith("sdae."))
        return {name: getattr(self, name) for name in ours._get_param_names()}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy keeps: the network on the CPU, which is everywhere."""
        state = dict(super().__getstate__())
        network = state.get("network_")
        if network is not None and (device := device_of(network)).type not in _ANYWHERE:
            state["network_"] = copy_on_cpu(network)
            state["_network_device"] = str(device)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a pickle or a copy kept; the network goes back to its device if that is here.

        Otherwise it stays on the CPU, and the log ``sdae`` says so.
        """
        state = dict(state)
        name = state.pop("_network_device", None)
        super().__setstate__(state)
        if name is None:
            return
        device, away = nearest_device(name), f"The network of {type(self).__name__} was on {name}"
        if device is None:
            logger.info("%s, which is not here: it is on the CPU now.", away)
            return
        try:
            self.network_.to(device)
        except RuntimeError as error:  # no memory left, or no CUDA in a forked child
            self.network_.to("cpu")
            logger.warning("%s, and is on the CPU now: %s.", away, reason(error))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    @contextmanager
    def _whole_or_not_at_all(self, *, goes_on: bool) -> Iterator[None]:
        """Leave the estimator as it was if what happens inside fails."""
        with undisturbed():
            usable_threads(1)  # to copy a network is work for several
            before = dict(self.__dict__)
            if goes_on:  # then the network is trained in place
                before["network_"] = copy.deepcopy(self.network_)
            try:
                yield
            except BaseException:
                self.__dict__.clear()
                self.__dict__.update(before)
                raise

    def _goes_on(self, wanted: bool, settings: Settings) -> bool:
        """Return whether to train on from what there is.

        Raises
        ------
        InvalidParameterError
            If the parameters are of another network meanwhile.
        """
        if not wanted or not self.__sklearn_is_fitted__():
            return False
        self._check_network(settings)
        return True

    def _check_network(self, settings: Settings) -> None:
        network = self.network_
        for name, now, value in (
            ("hidden_layer_sizes", network.hidden_layer_sizes, settings.hidden_layer_sizes),
            ("activation", str(network.activation), str(settings.activation)),
            ("tied", network.autoencoder(0).tied, settings.tied),
        ):
            if now != value:
                raise invalid_parameter(
                    name,
                    type(self).__name__,
                    f"what it was in fit, {now!r}, to go on with that network",
                    value,
                    "Or fit a clone.",
                )

    def _start(
        self,
        x: Rows,
        settings: Settings,
        *,
        n_classes: int | None = None,
        n_targets: int | None = None,
    ) -> None:
        """Settle the scaling on the rows of pre-training and build a new network."""
        self.scaling_, decoders = settle(x, settings, type(self).__name__)
        if settings.checkpoint is not None and not isinstance(self.random_state, int | np.integer):
            wanted = "an integer where there is a checkpoint, by which fit finds its place again"
            name = type(self).__name__
            raise invalid_parameter("random_state", name, wanted, self.random_state)
        self._seed = seed_of(self.random_state, type(self).__name__)
        self.network_ = new_network(
            x.shape[1], settings, decoders, self._seed, n_classes=n_classes, n_targets=n_targets
        )
        self.n_layers_ = self.network_.n_layers
        self.history_ = ()
        self._n_calls = self._n_stream_epochs = 0

    def _train(
        self,
        x: Rows,
        settings: Settings,
        *,
        epochs: tuple[int, ...],
        labelled: Labelled | None = None,
        validation: Labelled | None = None,
        max_iter: int | None = None,
        keep_history: bool = False,
    ) -> None:
        """Train the network on raw rows `x`, and on prepared labelled ones."""
        # A step takes some four times a forward pass; the fused engine decides for itself.
        n_rows = settings.batch_of(x.shape[0])
        n_products = products_of_a_block(self.network_, 4 * n_rows if n_rows > 1 else 1 << 40)
        with threads(settings.n_threads, n_products):
            recorder = train(
                self.network_,
                network_rows(x, self.scaling_, self.network_) if any(epochs) else None,
                settings,
                self._seed + self._n_calls,
                epochs=epochs,
                labelled=labelled,
                validation=validation,
                max_iter=max_iter,
                checkpoint=None if keep_history else settings.checkpoint,
                known_by=self._known_by(),
            )
        self._n_calls += 1
        self.network_.zero_grad()
        self._keep(recorder, keep_history=keep_history)

    def _known_by(self) -> Identity:
        """Return what tells this fit from others, beside parameters and numbers."""
        classes = getattr(self, "classes_", None)
        return names_of(
            columns=getattr(self, "feature_names_in_", None),
            classes=None if classes is None else classes.tolist(),
            class_type=None if classes is None else classes.dtype.str,
            scaling=self.scaling_,
            target_scaling=getattr(self, "target_scaling_", None),
        )

    def _keep(self, recorder: Recorder, *, keep_history: bool) -> None:
        old = self.history_ if keep_history else ()
        self.history_ = (*old, *recorder.records)
        if not keep_history:  # the epochs of a stream are too short to be judged
            for finding in History(self.history_).findings:
                logger.warning("%s", finding.text)
        self._note_history()

    def _note_history(self) -> None:
        """Draw the fitted attributes that tell of training from the history."""
        self.pretraining_loss_curves_ = [
            [record.cost for record in self.history_ if record.layer == layer]
            for layer in range(self.n_layers_)
        ]

    def _stream_end(self, settings: Settings) -> int:
        """Return after how many epochs of a stream pre-training is over."""
        each = settings.pretrain_epochs
        return sum(each) * (self.n_layers_ if len(each) == 1 else 1)

    def _stream_epochs(self, settings: Settings) -> tuple[int, ...]:
        """Say which layer a call of ``partial_fit`` pre-trains: one epoch of one layer.

        Layer 0 is trained by the first ``pretrain_epochs`` calls, layer 1 by the next ones, and so
        on; then pre-training is over. After ``fit`` it is over too.
        """
        each = settings.pretrain_epochs
        each = each * self.n_layers_ if len(each) == 1 else each
        ends = np.cumsum(each)
        layer = int(np.searchsorted(ends, self._n_stream_epochs, side="right"))
        self._n_stream_epochs += 1
        return tuple(int(k == layer) for k in range(self.n_layers_))

    def _apply(self, function: Any, X: Any) -> NDArray[np.float32]:
        """Check rows and apply a function of the network's input to them."""
        check_is_fitted(self)
        x = checked_rows(self, X, reset=False)
        self.network_.check_facades()
        with threads(self.n_threads, products_of_a_block(self.network_)):
            return in_blocks(function, x, self.scaling_, self.network_)

    def _codes(self, X: Any, layer: int | str | None) -> NDArray[np.float32]:
        """Return the codes of a layer, of all, or of the deepest, (n, V) -> (n, H)."""
        check_is_fitted(self)
        depth = self._depth_of(layer)

        def wanted(rows: torch.Tensor) -> torch.Tensor:
            all_codes = layer_codes(self.network_, rows)
            if layer == "all":
                return torch.cat(all_codes, dim=1)
            return all_codes[depth - 1]

        return self._apply(wanted, X)

    def _errors(self, X: Any) -> NDArray[np.float32]:
        """Return the squared error of each scaled value, rebuilt from the deepest code, (n, V)."""
        return self._apply(lambda rows: (rows - rebuilt(self.network_, rows)).square(), X)

    @undisturbed()
    def _in_units(self, rows: NDArray[np.float32]) -> NDArray[np.float32] | NDArray[np.float64]:
        """Return scaled rows to the units of the user's, in float64; others as they are."""
        return rows if self.scaling_ is None else self.scaling_.undo(rows)

    def _depth_of(self, layer: int | str | None) -> int:
        """Return after how many layers the code of `layer` comes.

        Raises
        ------
        InvalidParameterError
            If the fitted network has no such layer.
        """
        if not isinstance(layer, int):
            return self.n_layers_
        if layer >= self.n_layers_:
            wanted = f"below the number of layers of the fitted network, {self.n_layers_}"
            raise invalid_parameter("layer", type(self).__name__, wanted, layer)
        return layer + 1

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to a file; see :func:`sdae.load`.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        DataError
            If it is of a subclass, or has a parameter or labels of a type that no file keeps.
        FileAccessError
            If the file cannot be written; an older file of that name is then intact.
        """
        from sdae.estimators.saving import save

        save(self, path)

    @property
    def _n_features_out(self) -> int:
        return self.network_.hidden_layer_sizes[-1]
