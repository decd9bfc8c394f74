"""What the classifier and the regressor share: labelled rows among others, and watching some.

Axes: n rows, V columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.estimators.base import SDAEBase
from sdae.estimators.fitting import Labelled, network_rows
from sdae.estimators.inputs import Rows, checked_rows, stacked
from sdae.estimators.parameters import Settings
from sdae.estimators.watched_rows import set_aside
from sdae.estimators.weights import Weights
from sdae.train.history import FINETUNING

NO_EPOCHS: tuple[int, ...] = (0,)


class SupervisedSDAE(SDAEBase):
    """Pre-train on all rows, fine-tune on the labelled ones.

    Attributes
    ----------
    loss_curve_ : list of float
        Mean cost of each epoch of fine-tuning.
    loss_ : float
        The last of them.
    n_iter_ : int
        Epochs of fine-tuning.
    validation_scores_ : list of float or None
        Score on the rows set aside, weighted as they are, epoch by epoch, with ``early_stopping``.
    """

    loss_curve_: list[float]
    loss_: float
    n_iter_: int
    validation_scores_: list[float] | None

    def _all_rows(self, x: Rows, X_unlabeled: Any) -> Rows:
        """Return the rows of pre-training: those given with labels, and those without."""
        if X_unlabeled is None:
            return x
        return stacked(x, checked_rows(self, X_unlabeled, reset=False))

    def _fit(
        self,
        every: Rows,
        settings: Settings,
        epochs: tuple[int, ...],
        labelled: Rows,
        targets: NDArray[Any],
        weights: Weights | None,
    ) -> None:
        """Pre-train on every row, fine-tune on the labelled; with early stopping watch some."""
        watched = None
        if settings.early_stopping:
            train, watch = self._set_aside(targets, settings.validation_fraction)
            watched = self._labelled(labelled[watch], targets[watch], _of_rows(weights, watch))
            labelled, targets = labelled[train], targets[train]
            weights = _of_rows(weights, train)
        self._train(
            every,
            settings,
            epochs=epochs,
            labelled=self._labelled(labelled, targets, weights),
            validation=watched,
        )
        self._n_stream_epochs = self._stream_end(settings)

    def _labelled(self, x: Rows, targets: NDArray[Any], weights: Weights | None) -> Labelled:
        return Labelled(network_rows(x, self.scaling_, self.network_), targets, weights)

    def _set_aside(
        self, targets: NDArray[Any], share: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of the rows to learn from, and of those to watch."""
        return set_aside(len(targets), share, self._seed)

    def _note_history(self) -> None:
        """Draw the fitted attributes that tell of training from the history."""
        super()._note_history()
        records = [record for record in self.history_ if record.stage == FINETUNING]
        self.loss_curve_ = [record.cost for record in records]
        self.n_iter_ = len(records)
        if records:
            self.loss_ = records[-1].cost
        errors = [record.validation_error for record in records]
        self.validation_scores_ = [1 - error for error in errors if error is not None] or None


def _of_rows(weights: Weights | None, places: NDArray[np.int64]) -> Weights | None:
    return None if weights is None else weights[places]
