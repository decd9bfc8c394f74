"""What the classifier and the regressor share: labelled rows among others, and watching some.

Axes: n rows, V columns.
"""

from typing import Any, NamedTuple

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


class Parts(NamedTuple):
    """Labelled rows, cut into those to train on and those to watch (None: none are)."""

    train: Labelled
    validation: Labelled | None
    weights: Weights


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

    def _parts(self, x: Rows, targets: NDArray[Any], weights: Weights, settings: Settings) -> Parts:
        """Scale labelled rows; with early stopping set some aside, of each class its share."""
        if not settings.early_stopping:
            return Parts(self._labelled(x, targets), None, weights)
        numbers = np.arange(len(targets))
        train, watched = train_test_split(
            numbers,
            test_size=settings.validation_fraction,
            random_state=self._seed % 2**32,
            stratify=self._strata(targets),
        )
        return Parts(
            self._labelled(x[train], targets[train]),
            self._labelled(x[watched], targets[watched]),
            None if weights is None else weights[train],
        )

    def _labelled(self, x: Rows, targets: NDArray[Any]) -> Labelled:
        return Labelled(network_rows(x, self.scaling_, self.network_), targets)

    def _strata(self, targets: NDArray[Any]) -> NDArray[Any] | None:  # noqa: ARG002
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
        scores = [self._score_of_error(error) for error in errors if error is not None]
        self.validation_scores_ = scores or None

    def _score_of_error(self, error: float) -> float:
        return 1 - error
