"""The file of an estimator: a model file with the parameters and what ``fit`` learned beside it.

Loading one executes nothing: which class it is comes from a closed list, parameters are JSON values
that are checked as those of a constructor are, everything else is numbers. A model made by the
command line loads too: as a classifier where it has classes, and otherwise as a transformer.
"""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sdae.errors import FileFormatError, SdaeError
from sdae.estimators.base import SDAEBase
from sdae.estimators.classifier import SDAEClassifier
from sdae.estimators.outliers import SDAEOutlierDetector
from sdae.estimators.regressor import SDAERegressor
from sdae.estimators.settings import Settings
from sdae.estimators.transformer import SDAETransformer
from sdae.model_file import Model, load_model, save_model
from sdae.preprocessing import Scaling
from sdae.training.history import EpochRecord

_KINDS: dict[str, type[SDAEBase]] = {
    kind.__name__: kind
    for kind in (SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer)
}
_MODEL_OF_A_RUN = "model.safetensors"
_CLASS_TYPES = ("bool", "float", "int", "object", "str")


def save(estimator: SDAEBase, path: str | Path) -> None:
    """Write a fitted estimator; see :meth:`SDAEBase.save`."""
    check_is_fitted(estimator)
    save_model(as_model(estimator), path)


def load(path: str | Path) -> SDAEBase:
    """Read an estimator from its file, or from the folder or the model file of a run.

    Parameters
    ----------
    path : str or Path
        What ``estimator.save`` or ``sdae train`` wrote.

    Returns
    -------
    SDAEClassifier, SDAERegressor, SDAEOutlierDetector or SDAETransformer
        On the CPU; it predicts the same bytes as the one that was saved.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged or of another kind.
    """
    path = Path(path)
    if path.is_dir():
        path = path / _MODEL_OF_A_RUN
    model = load_model(path)
    try:
        return as_estimator(model)
    except (SdaeError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else error
        raise FileFormatError(f"{path} holds no valid estimator: {reason}.") from None


def as_model(estimator: SDAEBase) -> Model:
    """Return the model of a fitted estimator, with all that makes it one again."""
    state: dict[str, Any] = {
        "seed": estimator._seed,
        "n_calls": estimator._n_calls,
        "history": [asdict(record) for record in estimator.history_],
    }
    classes = None
    if isinstance(estimator, SDAEClassifier):
        kind, classes = _plain_classes(estimator.classes_)
        state["class_type"] = kind
    if isinstance(estimator, SDAERegressor):
        state["one_column"] = estimator._one_column
        state["target_offset"] = estimator.target_scaling_.offset.tolist()
        state["target_scale"] = estimator.target_scaling_.scale.tolist()
    if isinstance(estimator, SDAEOutlierDetector):
        state["offset"] = estimator.offset_
    names = getattr(estimator, "feature_names_in_", None)
    return Model(
        estimator.network_,
        estimator.scaling_,
        classes=classes,
        feature_names=None if names is None else tuple(map(str, names)),
        estimator={
            "kind": type(estimator).__name__,
            "parameters": {
                name: _plain(value) for name, value in estimator.get_params(deep=False).items()
            },
            "state": state,
        },
    )


def as_estimator(model: Model) -> SDAEBase:
    """Return the estimator of a model.

    Raises
    ------
    ValueError, LookupError, TypeError
        If its description is not one that :func:`as_model` makes.
    """
    if model.estimator is None:
        return _of_a_run(model)
    entry = model.estimator
    kind = _KINDS[entry["kind"]]
    parameters = {name: _as_given(value) for name, value in entry["parameters"].items()}
    if "class_weight" in parameters and isinstance(parameters["class_weight"], tuple):
        parameters["class_weight"] = dict(parameters["class_weight"])
    estimator = kind(**parameters)
    Settings.read(estimator.get_params(deep=False), entry["kind"])
    state = entry["state"]
    _give_model(estimator, model, int(state["seed"]), int(state["n_calls"]))
    _give_history(estimator, tuple(_record(values) for values in state["history"]))
    if isinstance(estimator, SDAEClassifier):
        estimator.classes_ = _classes(model, str(state["class_type"]))
    if isinstance(estimator, SDAERegressor):
        offset, scale = (
            np.array(state[f"target_{part}"], np.float64) for part in ("offset", "scale")
        )
        if offset.shape != scale.shape or offset.shape != (model.stack.n_targets,):
            raise ValueError("the scaling of the targets does not fit the network")
        estimator.target_scaling_ = Scaling("standard", offset, scale)
        estimator._one_column = bool(state["one_column"])
        estimator.n_outputs_ = len(offset)
    if isinstance(estimator, SDAEOutlierDetector):
        estimator.offset_ = float(state["offset"])
    return estimator


def _of_a_run(model: Model) -> SDAEBase:
    """Make an estimator of a model that the command line or ``stack.save`` wrote."""
    stack = model.stack
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    kind = SDAETransformer if stack.n_classes is None else SDAEClassifier
    estimator = kind(
        stack.hidden_layer_sizes,
        str(stack.activation),
        corruption=tuple(str(layer.corruption) for layer in layers),
        decoder=tuple(str(layer.decoder) for layer in layers),
        scale="none" if model.scaling is None else model.scaling.kind,
        tied=layers[0].tied,
    )
    _give_model(estimator, model, seed=0, n_calls=1)
    _give_history(estimator, ())
    if isinstance(estimator, SDAEClassifier):
        kind_of_class = "int"
        if model.classes is not None and isinstance(model.classes[0], str):
            kind_of_class = "str"
        estimator.classes_ = _classes(model, kind_of_class)
    return estimator


def _give_model(estimator: SDAEBase, model: Model, seed: int, n_calls: int) -> None:
    estimator.network_ = model.stack
    estimator.scaling_ = model.scaling
    estimator.n_layers_ = model.stack.n_layers
    estimator.n_features_in_ = model.stack.n_visible
    if model.feature_names is not None:
        estimator.feature_names_in_ = np.array(model.feature_names, object)
    estimator._seed = seed
    estimator._n_calls = n_calls


def _give_history(estimator: SDAEBase, records: tuple[EpochRecord, ...]) -> None:
    estimator.history_ = records
    estimator._note_history()


def _record(values: dict[str, Any]) -> EpochRecord:
    return EpochRecord(**{item.name: values[item.name] for item in fields(EpochRecord)})


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it: texts for our values, lists for sequences."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):  # JSON's keys are texts only
        return [[_plain(key), _plain(weight)] for key, weight in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    return None if isinstance(value, np.random.RandomState) else str(value)


def _as_given(value: Any) -> Any:
    return tuple(_as_given(item) for item in value) if isinstance(value, list) else value


def _plain_classes(classes: Any) -> tuple[str, tuple[Any, ...]]:
    """Return what type labels have, and the labels as JSON has them."""
    kinds = {"b": "bool", "f": "float", "i": "int", "u": "int", "U": "str", "O": "object"}
    kind, labels = kinds[classes.dtype.kind], classes.tolist()
    return kind, tuple(map(repr, labels) if kind == "float" else labels)


def _classes(model: Model, kind: str) -> Any:
    if kind not in _CLASS_TYPES:
        raise ValueError(f"{kind!r} is no type of labels")
    labels = range(model.stack.head.out_features) if model.classes is None else model.classes
    return np.array(labels, {"object": object, "str": None}.get(kind, kind))
