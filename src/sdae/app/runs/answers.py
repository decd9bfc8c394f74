"""What a network is to answer: its head, what the outputs stand for, and the targets it learns.

Axes: n rows, C classes, L labels, T targets.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdae.app.recipes.class_weights import BALANCED, weights_in
from sdae.app.recipes.memory_sizes import AUTO
from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.model_rows import outputs_of
from sdae.app.runs.prepared_data import AnyRows, Classes, Labelled, PreparedData
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling
from sdae.core.target_scaling import fit_target_scaling, standardised, target_columns
from sdae.core.wording import listed, quoted
from sdae.data import Table
from sdae.data.label_columns import encode_targets, find_head, is_regression
from sdae.data.labels import class_of
from sdae.data.task import Task

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """The head that a data set asks for, and how its targets become what the head learns.

    Attributes
    ----------
    head : Head or None
        None without labels.
    classes : tuple or None
        The class, the label or the target of each output.
    target_scaling : Scaling or None
        Of the values of a regression.
    class_weight : ndarray, shape (C,), or None
        How much a row of each class counts.
    balances_validation : bool
        Whether validation rows weigh by their own numbers of each class instead: where few labels
        are kept there are as many of each class, so their numbers do not show which are rare.
    choice : str
        What was decided, for messages; empty if nothing was.
    """

    head: Head | None = None
    classes: Classes | None = None
    target_scaling: Scaling | None = None
    class_weight: Weights | None = None
    balances_validation: bool = False
    choice: str = ""

    def labelled(self, table: Table | None, encode: Callable[[Table], AnyRows]) -> Labelled | None:
        """Return the rows of a table as `encode` makes them, with its targets, if it has any."""
        if table is None or table.y is None or self.head is None or self.classes is None:
            return None
        y = encode_targets(table, self.head, self.classes)
        if self.target_scaling is not None:
            name = f"The target of {table.source}"
            y = standardised(target_columns(y, name), self.target_scaling, name)
        return encode(table), y

    def added_to(self, data: PreparedData) -> PreparedData:
        """Return prepared data that know their head, and how much each row counts."""
        return replace(
            data,
            head=self.head,
            classes=self.classes,
            target_scaling=self.target_scaling,
            train_weight=self._weights(data.train),
            validation_weight=self._weights(data.validation, own=self.balances_validation),
        )

    def _weights(self, labelled: Labelled | None, *, own: bool = False) -> Weights | None:
        if labelled is None or self.class_weight is None:
            return None
        y = labelled[1].astype(np.int64)
        weights = _balanced(y, len(self.class_weight)) if own else self.class_weight
        of_rows: Weights = weights[y]  # (n,) -> (n,)
        return of_rows


def wanted_task(config: DataConfig) -> Task | None:
    """Return the task that a recipe asks for; None where the target decides."""
    return None if config.task == AUTO else Task(config.task)


def answers_for(
    config: DataConfig, given: Table, table: Table, model: Model | None = None
) -> Answers:
    """Return what the training rows of a data set ask for, or what a model has already.

    `given` has all labels: their shares show which seem to mark rows without one. `table` has those
    that are kept, as many of each class.

    Raises
    ------
    DataError
        If the targets cannot be used.
    InvalidParameterError
        If the weights of classes do not fit them.
    """
    if table.y is None:
        return Answers()
    head, classes = _known(model) or find_head(given)
    scaling, choice = None, ""
    if head.facts.probabilities is None:
        if model is not None and model.stack.head_kind is not None:
            _check_same_targets(table, model)
            scaling = model.target_scaling
        else:
            name = f"The target of {table.source}"
            values = target_columns(encode_targets(table, head, classes), name)
            scaling = fit_target_scaling(values, None, name)
            choice = _described(table, classes, decided=config.task == AUTO)
    weight = _class_weight(config, table, head, classes)
    own = config.class_weight == BALANCED and config.labels is not None
    return Answers(head, classes, scaling, weight, own, choice)


def _balanced(y: NDArray[np.int64], n_classes: int) -> Weights:
    """Return the weight of each class, (C,), by which the classes of some rows weigh alike."""
    counts = np.bincount(y, minlength=n_classes)
    weights: Weights = len(y) / (n_classes * np.maximum(counts, 1))
    return weights


def _check_same_targets(table: Table, model: Model) -> None:
    """Refuse targets of other names: their unit is that of the model's."""
    known, given = model.target_names, table.label_names
    if known is not None and given is not None and set(known) != set(given):
        raise DataError(
            f"The run predicts {listed(list(map(quoted, known)))}, in the unit of that target, and "
            f"{table.source} is to teach it {listed(list(map(quoted, given)))}. Rename the column "
            "if it is the same, or train a new run."
        )


def _known(model: Model | None) -> tuple[Head, Classes] | None:
    """Return the head of a model and its outputs, unless its classes still need names."""
    if model is None:
        return None
    known = model.stack.head_kind
    unnamed = known is not None and known.facts.picks_one and model.classes is None
    return None if unnamed else outputs_of(model)


def _described(table: Table, names: Classes, *, decided: bool) -> str:
    assert is_regression(table)
    targets = listed([quoted(str(name)) for name in names])
    also = " For classes give --task classification." if decided else ""
    return f" Regression of {targets}: values are standardised.{also}"


def _class_weight(config: DataConfig, table: Table, head: Head, classes: Classes) -> Weights | None:
    """Return the weight of each class, (C,), or None."""
    if config.class_weight is None:
        return None
    if not head.facts.picks_one:
        raise invalid_parameter(
            "class_weight",
            "[data]",
            "left out unless the task is a classification",
            config.class_weight,
        )
    y = encode_targets(table, head, classes).astype(np.int64)
    if config.class_weight == BALANCED:
        return _balanced(y, len(classes))
    given = weights_in(config.class_weight)
    places = {name: class_of(name, classes) for name in given}
    unknown = [name for name, place in places.items() if place is None]
    if unknown:
        raise DataError(
            f"class_weight names {listed(list(map(quoted, unknown)))}, but the classes of "
            f"{table.source} are: {listed([str(label) for label in classes])}."
        )
    weights = np.ones(len(classes))
    for name, weight in given.items():
        weights[places[name]] = weight
    if not weights[y].any():
        raise DataError("class_weight gives weight 0 to every row. Give one class more than 0.")
    return weights
