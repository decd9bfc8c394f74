"""The file of an estimator: a model file with the parameters and what ``fit`` learned beside it.

Loading one executes nothing: which class it is comes from a closed list, parameters are JSON values
that are checked as those of a constructor are, everything else is numbers. A model made by the
command line loads too: as a classifier where it has classes, and otherwise as a transformer.
"""

import math
import re
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sdae.core.constraints import boolean, integer, number
from sdae.core.corruption import Noise
from sdae.core.errors import DataError, FileFormatError, SdaeError
from sdae.core.files import end_of
from sdae.core.model_file import Model, load_model, save_model
from sdae.core.preprocessing import Scaling
from sdae.core.tensor_file import reason_of
from sdae.estimators.base import SDAEBase
from sdae.estimators.classifier import SDAEClassifier
from sdae.estimators.outliers import SDAEOutlierDetector
from sdae.estimators.parameters import Settings
from sdae.estimators.regressor import SDAERegressor
from sdae.estimators.transformer import SDAETransformer
from sdae.train.history import EpochRecord

_KINDS: dict[str, type[SDAEBase]] = {
    kind.__name__: kind
    for kind in (SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer)
}
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_MODEL_OF_A_RUN = "model.safetensors"
_LABEL_TYPE = re.compile(r"[<|](b1|[iu][1248]|f[248]|U\d{1,6}|O)")
_MOST_RECORDS = 50_000
_MOST_VALUES = 1 << 16  # of a parameter, each of which is read
_MOST_LABEL_BYTES = 1 << 28
_HIGHEST_COUNT = 1 << 53


def save(estimator: SDAEBase, path: str | Path) -> None:
    """Write a fitted estimator; see :meth:`SDAEBase.save`."""
    check_is_fitted(estimator)
    kind = type(estimator)
    if _KINDS.get(kind.__name__) is not kind:
        base = next(name for name, known in _KINDS.items() if isinstance(estimator, known))
        raise DataError(
            f"A file holds one of the estimators of sdae, and {kind.__name__} is a subclass of "
            f"{base}, which sdae.load could not make. Pickle it, or keep its network alone with "
            "network_.save."
        )
    save_model(as_model(estimator), end_of(path))


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
        if path.is_symlink():
            raise FileFormatError(f"{path} is a link. The files of a run are files themselves.")
    return checked_estimator(load_model(path), path)


def checked_estimator(model: Model, path: Path) -> SDAEBase:
    """Return the estimator of a model that was read from `path`.

    Raises
    ------
    FileFormatError
        If it makes none.
    """
    try:
        return as_estimator(model)
    except (SdaeError, *_MALFORMED) as error:
        raise FileFormatError(f"{path} holds no valid estimator: {reason_of(error)}.") from None


def as_model(estimator: SDAEBase) -> Model:
    """Return the model of a fitted estimator, with all that makes it one again.

    Raises
    ------
    DataError
        If a parameter or the labels have a type that a file cannot give back.
    InvalidParameterError
        If the parameters are of another network than the fitted one.
    """
    estimator._check_network(estimator._settings())
    timeless = {"seconds": 0.0, "samples_per_second": 0.0}  # equal models have equal bytes
    state: dict[str, Any] = {
        "seed": estimator._seed,
        "n_calls": estimator._n_calls,
        "n_stream_epochs": estimator._n_stream_epochs,
        "history": [asdict(record) | timeless for record in estimator.history_[-_MOST_RECORDS:]],
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
                name: _plain(name, value)
                for name, value in estimator.get_params(deep=False).items()
                if name != "checkpoint"  # a path of this machine, which another must not write to
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
    for name, value in entry["parameters"].items():
        if isinstance(value, list) and len(value) > _MOST_VALUES:
            raise ValueError(f"its parameter {name!r} has more than {_MOST_VALUES:,} values")
    parameters = {name: _as_given(value) for name, value in entry["parameters"].items()}
    if not isinstance(parameters.get("random_state"), int | None):
        raise ValueError("its random_state is no whole number")
    if parameters.pop("checkpoint", None) is not None:
        raise ValueError("it names a folder of checkpoints, which no file may")
    if "class_weight" in parameters and isinstance(parameters["class_weight"], tuple):
        parameters["class_weight"] = dict(parameters["class_weight"])
    estimator = kind(**parameters)
    settings = Settings.read(estimator.get_params(deep=False), entry["kind"])
    state = entry["state"]
    counts = [integer(0).read(state[name]) for name in ("seed", "n_calls", "n_stream_epochs")]
    if max(counts) > _HIGHEST_COUNT:
        raise ValueError(f"it counts to {max(counts)}")
    _give_model(estimator, model, *counts)
    estimator._check_network(settings)
    _check_head(estimator, model)
    if not isinstance(state["history"], list) or len(state["history"]) > _MOST_RECORDS:
        raise ValueError(f"its history is no list of at most {_MOST_RECORDS:,} records")
    _give_history(estimator, tuple(EpochRecord.from_values(values) for values in state["history"]))
    if isinstance(estimator, SDAEClassifier):
        estimator.classes_ = _classes(model, str(state["class_type"]))
    if isinstance(estimator, SDAERegressor):
        offset, scale = (
            np.array(state[f"target_{part}"], np.float64) for part in ("offset", "scale")
        )
        if offset.shape != scale.shape or offset.shape != (model.stack.n_targets,):
            raise ValueError("the scaling of the targets does not fit the network")
        if not (np.isfinite([offset, scale]).all() and (scale > 0).all()):
            raise ValueError("the scaling of the targets is not finite, or not above 0")
        estimator.target_scaling_ = Scaling("standard", offset, scale)
        estimator._one_column = boolean().read(state["one_column"])
        estimator.n_outputs_ = len(offset)
    if isinstance(estimator, SDAEOutlierDetector):
        estimator.offset_ = number(-math.inf).read(state["offset"])
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
    over = estimator._settings().pretrain_epochs[0] * stack.n_layers
    _give_model(estimator, model, seed=0, n_calls=1, n_stream_epochs=over)
    _give_history(estimator, ())
    if isinstance(estimator, SDAEClassifier):
        texts = model.classes is not None and isinstance(model.classes[0], str)
        estimator.classes_ = _classes(model, "<U0" if texts else "<i8")
    return estimator


def _check_head(estimator: SDAEBase, model: Model) -> None:
    """Refuse a network whose head is not that of the estimator."""
    wanted = (isinstance(estimator, SDAEClassifier), isinstance(estimator, SDAERegressor))
    if wanted != (model.stack.n_classes is not None, model.stack.n_targets is not None):
        raise ValueError(f"the network has not the head of {type(estimator).__name__}")


def _give_model(
    estimator: SDAEBase, model: Model, seed: int, n_calls: int, n_stream_epochs: int
) -> None:
    estimator.network_ = model.stack
    estimator.scaling_ = model.scaling
    estimator.n_layers_ = model.stack.n_layers
    estimator.n_features_in_ = model.stack.n_visible
    if model.feature_names is not None:
        estimator.feature_names_in_ = np.array(model.feature_names, object)
    estimator._seed = seed
    estimator._n_calls = n_calls
    estimator._n_stream_epochs = n_stream_epochs


def _give_history(estimator: SDAEBase, records: tuple[EpochRecord, ...]) -> None:
    estimator.history_ = records
    estimator._note_history()


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON has it: texts for our values, lists for sequences."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict | list | tuple) and len(value) > _MOST_VALUES:
        raise DataError(
            f"The {name} parameter has {len(value):,} values; a file keeps at most "
            f"{_MOST_VALUES:,}. Use a shorter one."
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


def _as_given(value: Any) -> Any:
    return tuple(_as_given(item) for item in value) if isinstance(value, list) else value


def _plain_classes(classes: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the type of the labels, and the labels as JSON has them."""
    if classes.nbytes > _MOST_LABEL_BYTES:
        raise DataError("The labels are too long for a file. Use shorter names of classes.")
    kind, labels = classes.dtype.str, classes.tolist()
    if not _LABEL_TYPE.fullmatch(kind) or not all(
        isinstance(label, bool | int | float | str) for label in labels
    ):
        raise DataError(
            f"The labels are of type {classes.dtype}, which a file cannot keep. Use texts or "
            "numbers."
        )
    return kind, tuple(map(repr, labels) if classes.dtype.kind == "f" else labels)


def _classes(model: Model, kind: str) -> Any:
    """Return the labels as an array of a type that :func:`_plain_classes` named."""
    if not _LABEL_TYPE.fullmatch(kind):
        raise ValueError(f"{kind!r} is no type of labels")
    labels = range(model.stack.head.out_features) if model.classes is None else model.classes
    types = {type(label) for label in labels}
    texts = {"U": {str}, "f": {str}, "b": {bool}, "O": {str}}.get(kind[1], {int})
    if types != texts:
        raise ValueError(f"its labels are not of type {kind}")
    # An array of texts gives each the room of the longest, or what its type says.
    longest = max((len(label) for label in labels if isinstance(label, str)), default=0)
    if len(labels) * max(4 * longest, np.dtype(kind).itemsize) > _MOST_LABEL_BYTES:
        raise ValueError(f"its labels are too long, or of the too large type {kind}")
    classes = np.array(labels, kind)
    if len(np.unique(classes)) != len(labels) or (np.unique(classes) != classes).any():
        raise ValueError("its labels are not different, or not in order")
    return classes
