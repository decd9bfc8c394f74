"""Reading the file of an estimator; :mod:`sdae.estimators.estimator_file` writes it.

Loading one executes nothing: the class comes from a closed list, parameters are JSON values that
are checked like those of a constructor, everything else is numbers. A model made by the command
line loads too: as a classifier if it has classes, as a regressor if it has the scaling of targets,
otherwise as a transformer.
"""

from pathlib import Path
from typing import Any

import numpy as np

from sdae.core.constraints import integer
from sdae.core.errors import FileFormatError, SdaeError
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model, load_model
from sdae.core.tensor_file import reason_of
from sdae.estimators.classifier import SDAEClassifier
from sdae.estimators.estimator_file import MOST_RECORDS, MOST_VALUES
from sdae.estimators.fitted import FittedNetwork
from sdae.estimators.imputer import SDAEImputer
from sdae.estimators.label_rules import Regularisation
from sdae.estimators.ladder import LadderClassifier, LadderRegressor
from sdae.estimators.ladder_base import LadderEstimator
from sdae.estimators.outliers import SDAEOutlierDetector
from sdae.estimators.regressor import SDAERegressor
from sdae.estimators.transformer import SDAETransformer
from sdae.train.history import EpochRecord
from sdae.train.optimizer_memory import OptimizerMemory

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        LadderClassifier,
        LadderRegressor,
        SDAEClassifier,
        SDAEImputer,
        SDAEOutlierDetector,
        SDAERegressor,
        SDAETransformer,
    )
}
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_MODEL_OF_A_RUN = "model.safetensors"
_HIGHEST_COUNT = 1 << 53


def load(path: str | Path) -> FittedNetwork:
    """Read an estimator from its file, or from the folder or the model file of a run.

    Parameters
    ----------
    path : str or Path
        A file or folder that ``estimator.save`` or ``sdae train`` wrote.

    Returns
    -------
    SDAEClassifier, SDAERegressor, LadderClassifier, LadderRegressor, SDAEImputer,
    SDAEOutlierDetector or SDAETransformer
        The estimator, on the CPU; its predictions equal those of the saved one to the byte.

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
            raise FileFormatError(f"{path} is a link. The files of a run must be regular files.")
    estimator: FittedNetwork = checked_estimator(load_model(path), path)
    return estimator


def checked_estimator(model: Model, path: Path) -> Any:
    """Return the estimator of a model that was read from `path`.

    Raises
    ------
    FileFormatError
        If the model does not hold a valid estimator.
    """
    try:
        return as_estimator(model)
    except (SdaeError, *_MALFORMED) as error:
        raise FileFormatError(
            f"{path} does not hold a valid estimator: {reason_of(error)}."
        ) from None


def as_estimator(model: Model) -> Any:
    """Return the estimator of a model.

    Raises
    ------
    ValueError, LookupError, TypeError
        If its description is not that of a fitted estimator.
    """
    if model.estimator is None:
        return _of_a_run(model)
    entry = model.estimator
    kind = _KINDS[entry["kind"]]
    if issubclass(kind, LadderEstimator) != isinstance(model.stack, FoldedLadder):
        raise ValueError(f"its network is not that of a {kind.__name__}")
    for name, value in entry["parameters"].items():
        if isinstance(value, list) and len(value) > MOST_VALUES:
            raise ValueError(f"its parameter {name!r} has more than {MOST_VALUES:,} values")
    parameters = {name: _as_given(value) for name, value in entry["parameters"].items()}
    if not isinstance(parameters.get("random_state"), int | None):
        raise ValueError("its random_state is not a whole number")
    if parameters.pop("checkpoint", None) is not None:
        raise ValueError("it names a folder of checkpoints, which is not allowed in a file")
    if "class_weight" in parameters and isinstance(parameters["class_weight"], tuple):
        parameters["class_weight"] = dict(parameters["class_weight"])
    if kind is SDAEClassifier:  # older files lack it: they learned from labelled rows alone
        parameters.setdefault("semi_supervised", None)
    estimator = kind(**parameters)
    settings = estimator._settings()
    state = entry["state"]
    counts = [integer(0).read(state[name]) for name in ("seed", "n_calls", "n_stream_epochs")]
    if max(counts) > _HIGHEST_COUNT:
        raise ValueError(f"it counts to {max(counts)}")
    _give_model(estimator, model, *counts)
    estimator._check_network(settings)
    if not isinstance(state["history"], list) or len(state["history"]) > MOST_RECORDS:
        raise ValueError(f"its history is not a list of at most {MOST_RECORDS:,} records")
    estimator.history_ = tuple(EpochRecord.from_values(values) for values in state["history"])
    if "used" in state:
        rate = {"learning_rate_init": parameters["learning_rate_init"]}  # older files lack it there
        estimator._used = Regularisation.of_a_file(rate | state["used"])
    estimator._take_back(state, model)
    return estimator


def _of_a_run(model: Model) -> FittedNetwork:
    """Return an estimator for a model that the command line or ``stack.save`` wrote."""
    stack = model.stack
    if isinstance(stack, FoldedLadder):
        return _of_a_ladder(model, stack)
    layers = [stack.autoencoder(layer) for layer in range(stack.n_layers)]
    if stack.n_labels == 1:
        raise ValueError(
            "it has a single label, which no estimator has: use StackedDenoisingAutoencoder.load"
        )
    is_classifier = stack.n_classes is not None or stack.n_labels is not None
    has_values = model.target_scaling is not None
    kind: type[Any] = SDAERegressor if has_values else SDAETransformer
    if is_classifier:
        kind = SDAEClassifier
    estimator: FittedNetwork = kind(
        stack.hidden_layer_sizes,
        str(stack.activation),
        corruption=tuple(str(layer.corruption) for layer in layers),
        decoder=tuple("auto" if layer.layout else str(layer.decoder) for layer in layers),
        scale="none" if model.scaling is None else model.scaling.kind,
        tied=layers[0].tied,
    )
    over = estimator._settings().pretrain_epochs[0] * stack.n_layers
    _give_model(estimator, model, seed=0, n_calls=1, n_stream_epochs=over)
    estimator.history_ = ()
    if is_classifier or has_values:
        estimator._take_back(_learned(model), model)
    return estimator


def _of_a_ladder(model: Model, stack: FoldedLadder) -> FittedNetwork:
    """Return the estimator of a ladder of the command line."""
    ladder, values = stack.ladder, model.target_scaling is not None
    if stack.n_labels == 1 or (ladder.head_kind.facts.probabilities is None and not values):
        raise ValueError("no estimator has its outputs: use StackedDenoisingAutoencoder.load")
    kind: type[Any] = LadderRegressor if values else LadderClassifier
    estimator = kind(
        stack.hidden_layer_sizes,
        input_noise=ladder.input_noise,
        hidden_noise=ladder.hidden_noise,
        combinator=str(ladder.combinator),
        scale="none" if model.scaling is None else model.scaling.kind,
    )
    _give_model(estimator, model, seed=0, n_calls=1, n_stream_epochs=0)
    estimator.history_ = ()
    estimator._take_back(_learned(model), model)
    assert isinstance(estimator, FittedNetwork)
    return estimator


def _learned(model: Model) -> dict[str, Any]:
    """Return what the file of an estimator would hold of classes, or of targets."""
    scaling = model.target_scaling
    if scaling is None:
        texts = model.classes is not None and isinstance(model.classes[0], str)
        return {"class_type": "<U0" if texts else "<i8"}
    learned = {"target_offset": scaling.offset.tolist(), "target_scale": scaling.scale.tolist()}
    return {"one_column": len(scaling.scale) == 1, **learned}


def _give_model(
    estimator: Any, model: Model, seed: int, n_calls: int, n_stream_epochs: int
) -> None:
    estimator.network_ = model.stack
    if model.schema is None and model.stack.autoencoder(0).layout is not None:
        raise ValueError("its network is for a table, but it has no schema")
    estimator.scaling_, estimator.schema_ = model.scaling, model.schema
    estimator.n_layers_ = model.stack.n_layers
    schema, names = model.schema, model.feature_names
    estimator.n_features_in_ = model.stack.n_visible if schema is None else len(schema.columns)
    if schema is not None and schema.named:
        names = schema.names
    if names is not None:
        estimator.feature_names_in_ = np.array(names, object)
    estimator._seed = seed
    estimator._n_calls = n_calls
    estimator._n_stream_epochs = n_stream_epochs
    estimator._memory = OptimizerMemory()
    estimator._row_type = np.dtype(np.float32)


def _as_given(value: Any) -> Any:
    return tuple(_as_given(item) for item in value) if isinstance(value, list) else value
