"""Base of the transformer and the outlier detector, which learn without labels.

Axes: n rows, V columns.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sdae.core.inference import error_parts
from sdae.core.preprocessing import Scaling
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.estimators.base import SDAEBase
from sdae.estimators.fitting import goes_on, start, train, train_on_chunk, whole_or_not_at_all
from sdae.estimators.inputs import Rows, as_table, checked_rows


class UnsupervisedSDAE(SDAEBase):
    """Pre-train on rows, and score how well each can be reconstructed."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn passes it)
        """Pre-train on rows, (n, V); `y` is ignored."""
        self._learn(X, go_on=self.warm_start, stream=False)
        return self

    def partial_fit(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002 (scikit-learn passes it)
    ) -> Self:
        """Train one layer for one epoch on some rows of a stream.

        The first ``pretrain_epochs`` calls train layer 0, the next ones layer 1, and so on; after
        those of the deepest layer the network no longer changes. The scaling is fitted to the first
        rows.
        """
        self._learn(X, go_on=True, stream=True)
        return self

    @undisturbed()
    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return minus the mean squared error of each reconstructed row, scaled, (n,).

        Lower scores mean less typical rows.
        """
        return self._apply(self._scores, X)

    def _scores(
        self,
        network: StackedDenoisingAutoencoder,
        x: Rows,
        scaling: Scaling | None,
        n_threads: int | None,
    ) -> NDArray[np.float64]:
        """Return the scores of checked rows, (n, V) -> (n,); all their errors take much memory."""
        parts = error_parts(network, x, scaling, n_threads)
        means = [self._of_all_columns(part).mean(axis=1, dtype=np.float64) for part in parts]
        return -np.concatenate(means)

    def _learn(self, X: Any, *, go_on: bool, stream: bool) -> None:
        settings = self._settings()
        continues = goes_on(self, go_on, settings)
        X = as_table(X)
        with whole_or_not_at_all(self, goes_on=continues):
            x = checked_rows(self, X, reset=not continues)
            if not continues:
                start(self, x, settings, stream=stream)
            (train_on_chunk if stream else train)(self, x, settings)
            self._note_rows(X)

    def _note_rows(self, X: Any) -> None:
        """Store facts about the rows of the last training."""
