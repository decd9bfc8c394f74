"""Writing the file of an estimator: a model file with the parameters and what ``fit`` learned.

Reading it again is in :mod:`sdae.estimators.saving`.
"""

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from sdae.core.corruption import Noise
from sdae.core.errors import DataError
from sdae.core.files import end_of
from sdae.core.model_file import Model, save_model
from sdae.core.preprocessing import Scaling
from sdae.core.schema.table_schema import Schema
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.label_rules import Regularisation
from sdae.estimators.parameters import Settings
from sdae.train.history import EpochRecord

MOST_RECORDS = 50_000
MOST_VALUES = 1 << 16  # maximum number of values of a parameter
# Left out at their defaults: files keep their bytes.
_ADDED_LATER = (
    "loss",
    "max_fun",
    "categorical_features",
    "max_categories",
    "min_frequency",
    "handle_unknown",
    "missing_values",
)
_TIMELESS = {"seconds": 0.0, "samples_per_second": 0.0}  # equal models have equal bytes


@dataclass(frozen=True)
class Kept:
    """What a file stores for one kind of estimator.

    Attributes
    ----------
    state : dict
        JSON values by name.
    classes : tuple or None
        Classes of the outputs, as in the model file.
    """

    state: dict[str, Any] = field(default_factory=dict)
    classes: tuple[Any, ...] | None = None


class FittedEstimator(Protocol):
    """What a file is written of, by the names that all estimators share."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    network_: StackedDenoisingAutoencoder
    scaling_: Scaling | None
    schema_: Schema | None
    history_: tuple[EpochRecord, ...]
    _seed: int
    _n_calls: int
    _n_stream_epochs: int
    _used: Regularisation

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        ...

    def _ours(self) -> type: ...
    def _settings(self) -> Settings: ...
    def _check_network(self, settings: Settings) -> None: ...
    def _kept(self) -> Kept: ...


def write_estimator(estimator: FittedEstimator, path: str | Path) -> None:
    """Write a fitted estimator; see :meth:`sdae.SDAEClassifier.save`."""
    kind, ours = type(estimator), estimator._ours()
    if kind is not ours:
        raise DataError(
            f"A file can hold only the estimators of sdae, but {kind.__name__} is a subclass of "
            f"{ours.__name__}, which sdae.load cannot create. Pickle it, or save only its network "
            "with network_.save."
        )
    save_model(as_model(estimator), end_of(path))


def as_model(estimator: FittedEstimator) -> Model:
    """Return the model of a fitted estimator, with all data to restore it.

    Raises
    ------
    DataError
        If a parameter or the labels have a type that a file cannot restore.
    InvalidParameterError
        If the parameters do not fit the trained network.
    """
    settings = estimator._settings()
    estimator._check_network(settings)
    used = asdict(estimator._used) if settings.automatic and hasattr(estimator, "_used") else None
    kept = estimator._kept()
    names = getattr(estimator, "feature_names_in_", None)
    return Model(
        estimator.network_,
        estimator.scaling_,
        schema=estimator.schema_,
        classes=kept.classes,
        feature_names=None if names is None or estimator.schema_ else tuple(map(str, names)),
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
                **({} if used is None else {"used": used}),
                **kept.state,
            },
        },
    )


def _parameters(estimator: FittedEstimator) -> dict[str, Any]:
    defaults = {each.name: each.default for each in fields(estimator)}
    return {
        name: _plain(name, value)
        for name, value in estimator.get_params(deep=False).items()
        if name != "checkpoint"  # a path of this machine, which another must not write to
        # older files lack it and have None, which is not the default
        and not (name == "semi_supervised" and value is None)
        and not (name in _ADDED_LATER and _is_default(value, defaults[name]))
    }


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(default, float) and np.isnan(default):
        return isinstance(value, float) and bool(np.isnan(value))
    return isinstance(value, type(default)) and bool(value == default)


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON values: texts for objects of sdae, lists for sequences."""
    if isinstance(value, np.ndarray | np.generic) or type(value).__name__ == "Index":
        value = value.tolist()
    if name == "missing_values" and type(value).__name__ == "NAType":
        value = None
    if isinstance(value, dict | list | tuple) and len(value) > MOST_VALUES:
        raise DataError(
            f"The {name} parameter must have at most {MOST_VALUES:,} values in a file. Got "
            f"{len(value):,} instead. Use a shorter one."
        )
    if isinstance(value, dict):  # JSON's keys are texts only
        return [[_plain(name, key), _plain(name, weight)] for key, weight in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.random.RandomState):
        return None  # its state is not part of the model: another fit draws new numbers
    if isinstance(value, Noise | StrEnum):
        return str(value)
    raise DataError(
        f"The {name} parameter is {value!r}, which a file cannot store. Use a text or a number."
    )
