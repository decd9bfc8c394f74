"""Writing the file of an estimator: a model file with the parameters and what ``fit`` learned.

Reading it again is in :mod:`sdae.estimators.saving`.
"""

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdae.core.corruption import Noise
from sdae.core.errors import DataError
from sdae.core.files import end_of
from sdae.core.model_file import Model, save_model

if TYPE_CHECKING:
    from sdae.estimators.base import SDAEBase

MOST_RECORDS = 50_000
MOST_VALUES = 1 << 16  # of a parameter, each of which is read
_ADDED_LATER = ("loss", "max_fun")  # left out at their defaults: files keep their bytes
_TIMELESS = {"seconds": 0.0, "samples_per_second": 0.0}  # equal models have equal bytes


@dataclass(frozen=True)
class Kept:
    """What a file keeps of one kind of estimator.

    Attributes
    ----------
    state : dict
        JSON values by name.
    classes : tuple or None
        What the outputs stand for, as the model file has it.
    """

    state: dict[str, Any] = field(default_factory=dict)
    classes: tuple[Any, ...] | None = None


def write_estimator(estimator: "SDAEBase", path: str | Path) -> None:
    """Write a fitted estimator; see :meth:`SDAEBase.save`."""
    kind, ours = type(estimator), estimator._ours()
    if kind is not ours:
        raise DataError(
            f"A file holds one of the estimators of sdae, and {kind.__name__} is a subclass of "
            f"{ours.__name__}, which sdae.load could not make. Pickle it, or keep its network "
            "alone with network_.save."
        )
    save_model(as_model(estimator), end_of(path))


def as_model(estimator: "SDAEBase") -> Model:
    """Return the model of a fitted estimator, with all that makes it one again.

    Raises
    ------
    DataError
        If a parameter or the labels have a type that a file cannot give back.
    InvalidParameterError
        If the parameters are of another network than the fitted one.
    """
    estimator._check_network(estimator._settings())
    kept = estimator._kept()
    names = getattr(estimator, "feature_names_in_", None)
    return Model(
        estimator.network_,
        estimator.scaling_,
        classes=kept.classes,
        feature_names=None if names is None else tuple(map(str, names)),
        estimator={
            "kind": type(estimator).__name__,
            "parameters": _parameters(estimator),
            "state": {
                "seed": estimator._seed,
                "n_calls": estimator._n_calls,
                "n_stream_epochs": estimator._n_stream_epochs,
                "history": [
                    asdict(record) | _TIMELESS for record in estimator.history_[-MOST_RECORDS:]
                ],
                **kept.state,
            },
        },
    )


def _parameters(estimator: "SDAEBase") -> dict[str, Any]:
    defaults = {each.name: each.default for each in fields(estimator)}
    return {
        name: _plain(name, value)
        for name, value in estimator.get_params(deep=False).items()
        if name != "checkpoint"  # a path of this machine, which another must not write to
        and not (name in _ADDED_LATER and value == defaults[name])
    }


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON has it: texts for our values, lists for sequences."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict | list | tuple) and len(value) > MOST_VALUES:
        raise DataError(
            f"The {name} parameter has {len(value):,} values; a file keeps at most "
            f"{MOST_VALUES:,}. Use a shorter one."
        )
    if isinstance(value, dict):  # JSON's keys are texts only
        return [[_plain(name, key), _plain(name, weight)] for key, weight in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.random.RandomState):
        return None  # its state is not the model's: another fit draws anew
    if isinstance(value, Noise | StrEnum):
        return str(value)
    raise DataError(
        f"The {name} parameter is {value!r}, which a file cannot keep. Use a text or a number."
    )
