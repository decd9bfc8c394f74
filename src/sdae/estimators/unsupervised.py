"""What the transformer and the outlier detector share: rows are all they learn from.

Axes: n rows, V columns.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sdae.core.surroundings import undisturbed
from sdae.estimators.base import SDAEBase
from sdae.estimators.inputs import as_table, checked_rows


class UnsupervisedSDAE(SDAEBase):
    """Pre-train on rows, and tell how well each can be rebuilt."""

    warm_start: bool

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn hands it over)
        """Pre-train on rows, (n, V); `y` is not looked at."""
        self._learn(X, go_on=self.warm_start, stream=False)
        return self

    def partial_fit(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002 (scikit-learn hands it over)
    ) -> Self:
        """Take some rows of a stream: one epoch over them, for one layer.

        The first ``pretrain_epochs`` calls train layer 0, the next ones layer 1, and so on; after
        those of the deepest layer nothing changes any more. The scaling is that of the first rows.
        """
        self._learn(X, go_on=True, stream=True)
        return self

    @undisturbed()
    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return minus the mean squared error of each reconstructed row, scaled, (n,).

        The lower, the stranger.
        """
        scores: NDArray[np.float64] = -self._errors(X).mean(axis=1, dtype=np.float64)
        return scores

    def _learn(self, X: Any, *, go_on: bool, stream: bool) -> None:
        settings = self._settings()
        goes_on = self._goes_on(go_on, settings)
        X = as_table(X)
        with self._whole_or_not_at_all(goes_on=goes_on):
            x = checked_rows(self, X, reset=not goes_on)
            if not goes_on:
                self._start(x, settings)
            epochs = self._stream_epochs(settings) if stream else settings.pretrain_epochs
            self._train(x, settings, epochs=epochs, keep_history=stream)
            if not stream:
                self._n_stream_epochs = self._stream_end(settings)
            self._note_rows(X)

    def _note_rows(self, X: Any) -> None:
        """Keep what is to be known of the rows just learned from."""
