"""Cross-validation where some rows have no label: they train, and are never scored.

Axes: n rows, m labelled ones.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import get_scorer
from sklearn.model_selection import BaseCrossValidator, KFold, StratifiedKFold
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import type_of_target

from sdae.core.errors import DataError
from sdae.estimators.label_encoding import as_array
from sdae.estimators.missing_targets import rows_with_labels

Places = NDArray[np.int64]


class LabelledKFold(BaseCrossValidator):
    """Split the labelled rows into folds; rows without labels are in every training part.

    Folds have about the same shares of the classes where `y` holds classes, each of them at least
    `n_splits` times.

    Parameters
    ----------
    n_splits : int, default 5
        Number of folds, at least 2.
    unlabeled_label : label or None, default None
        The value of `y` that means "no label", besides missing values.
    shuffle : bool, default True
        Shuffle the labelled rows first.
    random_state : int, RandomState or None, default None
        Of the shuffling.

    Examples
    --------
    >>> import numpy as np
    >>> from sdae.model_selection import LabelledKFold
    >>> y = np.array([0, 1, np.nan, 0, 1, np.nan])
    >>> for train, test in LabelledKFold(2, shuffle=False).split(np.zeros((6, 1)), y):
    ...     print(train, test)
    [2 3 4 5] [0 1]
    [0 1 2 5] [3 4]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        unlabeled_label: Any = None,
        shuffle: bool = True,
        random_state: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.unlabeled_label = unlabeled_label
        self.shuffle = shuffle
        self.random_state = random_state

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Places, Places]]:  # noqa: ARG002 - scikit-learn passes it
        """Yield the rows to train on and the rows to test on, as indices.

        Parameters
        ----------
        X : array or table, (n, V)
        y : array, (n,)
            Labels or values, of which some are missing or `unlabeled_label`.
        groups : object
            Ignored.

        Raises
        ------
        DataError
            If no row has a label.
        """
        if y is None:
            raise DataError("The y parameter of LabelledKFold.split must be given: the labels.")
        y = y.toarray() if sparse.issparse(y) else y
        there = rows_with_labels(y, self.unlabeled_label, "LabelledKFold.split")
        labelled, unlabelled = np.flatnonzero(there), np.flatnonzero(~there)
        known = as_array(y)[there]
        if known.dtype.kind == "O":
            known = np.array(known.tolist())
        has_classes = type_of_target(known) in ("binary", "multiclass")
        if has_classes:  # whole numbers may be targets of regression: then some are rare
            has_classes = np.unique(known, return_counts=True)[1].min() >= self.n_splits
        kind = StratifiedKFold if has_classes else KFold
        seed = self.random_state if self.shuffle else None
        folds = kind(self.n_splits, shuffle=self.shuffle, random_state=seed)
        for train, test in folds.split(labelled, known):
            yield np.sort(np.concatenate([labelled[train], unlabelled])), labelled[test]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002 - scikit-learn passes them
        """Return the number of folds."""
        return self.n_splits


def labelled_scorer(
    scoring: str | Callable[..., float], unlabeled_label: Any = None
) -> Callable[[Any, Any, Any], float]:
    """Return a scorer that leaves out the rows without labels.

    Parameters
    ----------
    scoring : str or callable
        A name of scikit-learn, such as ``balanced_accuracy``, or a scorer.
    unlabeled_label : label or None
        The value of `y` that means "no label", besides missing values.
    """
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring

    def score(estimator: Any, X: Any, y: Any) -> float:
        there = rows_with_labels(y, unlabeled_label, "labelled_scorer")
        known = as_array(y)[there]
        if known.dtype.kind == "O":
            known = np.array(known.tolist())
        return float(scorer(estimator, _safe_indexing(X, np.flatnonzero(there)), known))

    return score
