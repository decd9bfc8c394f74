"""What classifiers share, however they were trained: their labels and predictions.

Axes: n rows, V columns, C classes, L labels, K outputs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags, check_consistent_length

from sdae.core.errors import DataError
from sdae.core.inference import answers, log_probabilities, probabilities
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.surroundings import undisturbed
from sdae.estimators.class_targets import (
    has_targets,
    indicators,
    is_multilabel,
    plain_targets,
    rows_of_classes,
    targets_of,
)
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitted import FittedNetwork
from sdae.estimators.inputs import Rows, checked_pair
from sdae.estimators.label_encoding import (
    Labels,
    as_array,
    column_of_labels,
    labels_for_a_file,
    labels_of_a_file,
    warn_of_marks,
)
from sdae.estimators.missing_targets import rows_with_labels, with_gaps_filled
from sdae.estimators.weights import Numbers


class ClassPredictions(ClassifierMixin, FittedNetwork):
    """A fitted network whose outputs are classes, or labels of which a row has any number."""

    classes_: NDArray[Any]
    unlabeled_label: Any

    @undisturbed()
    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row, (n,), or its labels as 0 and 1, (n, L)."""
        outputs = self._outputs(X)
        if self._one_class:
            return np.repeat(self.classes_, len(outputs))
        found = answers(self._kind, outputs)
        labels: NDArray[Any] = found if self._is_multilabel else self.classes_[found]
        return labels

    @undisturbed()
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, (n, C), or of each label independently, (n, L)."""
        outputs = self._outputs(X)
        if self._one_class:
            return np.ones((len(outputs), 1))
        return probabilities(self._kind, outputs)

    @undisturbed()
    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of :meth:`predict_proba`, (n, C) or (n, L)."""
        outputs = self._outputs(X)
        if self._one_class:
            return np.zeros((len(outputs), 1))
        if self._is_multilabel:
            return np.log(probabilities(self._kind, outputs))
        return log_probabilities(outputs)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logits, (n, C) or (n, L); for two classes the second minus the first, (n,).

        For a single class its logit, (n,).
        """
        logits = self._outputs(X).astype(np.float64)
        if self._one_class:
            return logits[:, 0]
        two = len(self.classes_) == 2 and not self._is_multilabel
        return logits[:, 1] - logits[:, 0] if two else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the weighted share of rows whose class, or labels, ``predict`` returns.

        Rows without labels are left out. scikit-learn's own metrics do not support all types of
        labels that ``fit`` takes.
        """
        check_consistent_length(X, y, sample_weight)
        there = rows_with_labels(y, self.unlabeled_label, f"{self._name}.score")
        known = y if there.all() else as_array(y)[there]
        right = indicators(known, self._name) if is_multilabel(known) else column_of_labels(known)
        weight = None if sample_weight is None else np.asarray(sample_weight)[there]
        return float(accuracy_score(right, self.predict(X)[there], sample_weight=weight))

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def _kind(self) -> Head:
        kind = self.network_.head_kind
        assert kind is not None
        return kind

    @property
    def _one_class(self) -> bool:
        """Whether there is a single class: then the head has one output."""
        return len(self.classes_) == 1

    @property
    def _is_multilabel(self) -> bool:
        return self._kind is Head.MULTILABEL and not self._one_class

    def _head(self, targets: Numbers) -> tuple[Head, int]:
        several = targets.ndim == 2
        return Head.MULTILABEL if several else Head.CLASSES, len(self.classes_)

    def _checked(
        self, X: Any, y: Any, *, continues: bool, classes: Labels | None = None
    ) -> tuple[Rows, Numbers, Labels]:
        """Check rows and labels; see :func:`targets_of` for what is returned besides rows."""
        y, there = with_gaps_filled(y, self._name)
        if there is not None and y.ndim == 2 and y.shape[1] == 1:  # a table of one column
            y = y.ravel()
        several = is_multilabel(y)
        x, y = checked_pair(self, X, plain_targets(y), reset=not continues, several=several)
        if continues and several != self._is_multilabel:
            shape = f"(n, {len(self.classes_)})" if self._is_multilabel else "(n,)"
            raise DataError(
                f"The y parameter of {self._name} must have shape {shape}, as in the first fit. "
                f"Got {y.shape} instead. Fit a clone for other labels."
            )
        if there is not None and not there.any() and classes is None:
            raise self._unlabelled("missing values in y")
        targets, found = targets_of(y, self.unlabeled_label, classes, self._name, there)
        if classes is None:
            warn_of_marks(found, rows_of_classes(targets, found), self.unlabeled_label, self._name)
        return x, targets, found

    def _unlabelled(self, mark: str) -> DataError:
        return DataError(
            f"All rows have {mark}, but {self._name} needs rows with labels. Use SDAETransformer "
            "for rows without labels."
        )

    def _check_labels_count(self, targets: Numbers) -> None:
        if not has_targets(targets).any():
            raise DataError(
                f"All rows with labels have weight 0, by sample_weight or by the class_weight "
                f"parameter of {self._name}. Give at least one labelled row a weight above 0."
            )

    def _kept(self) -> Kept:
        kind, labels = labels_for_a_file(self.classes_)
        return Kept({"class_type": kind}, labels)

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        self._check_head(model, Head.CLASSES, Head.MULTILABEL)
        n_outputs = model.stack.head.out_features
        self.classes_ = labels_of_a_file(
            model.classes,
            n_outputs,
            str(state["class_type"]),
            in_order=model.stack.head_facts.picks_one,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
