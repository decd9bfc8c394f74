"""What the classifier and the regressor share: labelled rows among others, and watching some.

Axes: n rows, V columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight

from sdae.estimators.base import SDAEBase
from sdae.estimators.fitting import Labelled, network_rows
from sdae.estimators.inputs import Rows, checked_rows, stacked
from sdae.estimators.settings import Settings
from sdae.training.history import FINETUNING

Weights = NDArray[np.float64] | None
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
        Score on the rows set aside, epoch by epoch, with ``early_stopping``.
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
        weights: Weights,
    ) -> None:
        """Pre-train on every row, fine-tune on the labelled; with early stopping watch some."""
        watched = None
        if settings.early_stopping:
            train, watch = train_test_split(
                np.arange(len(targets)),
                test_size=settings.validation_fraction,
                random_state=self._seed % 2**32,
                stratify=self._strata(targets),
            )
            watched = self._labelled(labelled[watch], targets[watch])
            labelled, targets = labelled[train], targets[train]
            weights = None if weights is None else weights[train]
        self._train(
            every,
            settings,
            epochs=epochs,
            labelled=self._labelled(labelled, targets),
            validation=watched,
            sample_weight=weights,
        )
        self._n_stream_epochs = self._stream_end(settings)

    def _labelled(self, x: Rows, targets: NDArray[Any]) -> Labelled:
        return Labelled(network_rows(x, self.scaling_, self.network_), targets)

    def _strata(self, targets: NDArray[Any]) -> NDArray[Any] | None:  # noqa: ARG002 (classes do)
        """Return of what each part is to have its share, (n,); None: of nothing."""
        return None

    def _weights(self, sample_weight: Any, x: Rows) -> Weights:
        """Check weights of rows, (n,)."""
        if sample_weight is None:
            return None
        weights: NDArray[np.float64] = _check_sample_weight(
            sample_weight, x, dtype=np.float64, ensure_non_negative=True
        )
        return weights

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
