"""Base of all estimators: a fitted network, the preparation of its rows, its codes, and its file.

Axes: n rows, V columns, H units of a layer, K outputs.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sdae.core.devices import nearest_device
from sdae.core.errors import invalid_parameter
from sdae.core.in_blocks import device_of
from sdae.core.inference import all_codes, codes, errors, outputs
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling
from sdae.core.schema.learning import learn_in_blocks
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import SourceRows
from sdae.core.stack import StackedDenoisingAutoencoder, copy_on_cpu
from sdae.core.surroundings import undisturbed
from sdae.core.wording import reason
from sdae.estimators.estimator_file import Kept, write_estimator
from sdae.estimators.inputs import checked_rows
from sdae.estimators.table_sources import AnyTable, table_blocks
from sdae.train.history import EpochRecord
from sdae.train.identity import Identity, names_of
from sdae.train.optimizer_memory import OptimizerMemory

logger = logging.getLogger("sdae")

_ANYWHERE = ("cpu", "meta")  # kinds of devices that every machine has


class FittedNetwork(BaseEstimator):
    """What estimators have in common after ``fit``, whatever trained their network.

    Attributes
    ----------
    network_ : StackedDenoisingAutoencoder
        The PyTorch model.
    scaling_ : Scaling or None
        Scaling of rows before they go into the network.
    schema_ : Schema or None
        The typed columns of a table; None where all rows of ``fit`` were numbers without gaps.
    n_layers_ : int
    history_ : tuple of EpochRecord
        Records of the last call of ``fit``, or of all calls of ``partial_fit``.
    """

    _always_a_table: ClassVar[bool] = False
    """Whether rows of numbers without gaps have a schema too."""

    network_: StackedDenoisingAutoencoder
    scaling_: Scaling | None
    schema_: Schema | None
    n_layers_: int
    history_: tuple[EpochRecord, ...]
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    n_threads: int | None
    _seed: int
    _n_calls: int
    _row_type: "np.dtype[Any]"

    @classmethod
    def _ours(cls) -> "type[FittedNetwork]":
        """Return the estimator of this package that a subclass extends, or the class itself."""
        return next(kind for kind in cls.__mro__ if kind.__module__.startswith("sdae."))

    def _own_parameters(self) -> dict[str, Any]:
        """Return the parameters of the estimator of this package that a subclass extends.

        A subclass may add parameters, or fix some of this package's: both are attributes.
        """
        kind: Any = self._ours()  # a dataclass: scikit-learn would inspect its signature each time
        names = sorted(field.name for field in fields(kind) if field.init)
        return {name: getattr(self, name) for name in names}

    def _schema_of(self, table: AnyTable, options: SchemaOptions, caller: str) -> Schema:
        """Learn the schema of the rows of ``fit``."""
        return learn_in_blocks(table_blocks(table), options, caller)

    def _names(self) -> Identity:
        """Return what identifies a fit, besides parameters and numbers."""
        classes = getattr(self, "classes_", None)
        return names_of(
            columns=getattr(self, "feature_names_in_", None),
            classes=None if classes is None else classes.tolist(),
            class_type=None if classes is None else classes.dtype.str,
            scaling=self.scaling_,
            **({} if self.schema_ is None else {"schema": json.dumps(self.schema_.to_json())}),
            target_scaling=getattr(self, "target_scaling_", None),
        )

    # -- pickles -----------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for a pickle or a copy, with the network on the CPU."""
        state = dict(super().__getstate__())
        network = state.get("network_")
        if network is not None and (device := device_of(network)).type not in _ANYWHERE:
            state["network_"] = copy_on_cpu(network)
            state["_network_device"] = str(device)
            if "_memory" in state:
                state["_memory"] = state["_memory"].on_cpu()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state of a pickle or a copy; the network moves to its device if it exists.

        Otherwise it stays on the CPU, and the log ``sdae`` says so.
        """
        state = dict(state)
        name = state.pop("_network_device", None)
        if "network_" in state:  # pickles of older versions lack them
            state.setdefault("_memory", OptimizerMemory())
            state.setdefault("_row_type", np.dtype(np.float32))
            state.setdefault("schema_", None)
        super().__setstate__(state)
        if name is None:
            return
        device, away = nearest_device(name), f"The network of {type(self).__name__} was on {name}"
        if device is None:
            logger.info("%s, which does not exist on this machine: it is on the CPU now.", away)
            return
        try:
            self.network_.to(device)
        except RuntimeError as error:  # no memory left, or no CUDA in a forked child
            self.network_.to("cpu")
            logger.warning("%s, and is on the CPU now: %s.", away, reason(error))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    # -- results of the network ---------------------------------------------------------------

    def _outputs(self, X: Any) -> NDArray[np.float32]:
        """Return the outputs of the head, (n, V) -> (n, K)."""
        return self._apply(outputs, X)

    def _apply(self, function: Any, X: Any) -> NDArray[Any]:
        """Check rows and apply the network to them, by a function of ``core.inference``."""
        check_is_fitted(self)
        x = checked_rows(self, X, reset=False)
        caller = f"X of {type(self).__name__}"
        if isinstance(x, TableRows):
            assert self.schema_ is not None  # as the check of rows makes sure
            x = x.encoded_in_order(self.schema_, caller)
        elif self.schema_ is not None:
            x = self.schema_.encode(x, caller)
        self.network_.check_facades()
        blocks = x.blocks() if isinstance(x, SourceRows) else [x]
        found: list[NDArray[Any]] = [
            function(self.network_, block, self.scaling_, n_threads=self.n_threads)
            for block in blocks
        ]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _codes(self, X: Any, layer: int | str | None) -> NDArray[np.float32]:
        """Return the codes of a layer, of all, or of the deepest, (n, V) -> (n, H)."""
        check_is_fitted(self)
        depth = self._depth_of(layer)
        if layer == "all":
            return self._apply(all_codes, X)
        return self._apply(partial(codes, depth=depth), X)

    def _errors(self, X: Any) -> NDArray[np.float32]:
        """Return the reconstruction error of each value, (n, V).

        Of numbers the squared error, scaled; of categories and binaries of a table the
        cross-entropy in nats. What is missing, or was left out by ``fit``, does not have one.
        """
        return self._of_all_columns(self._apply(errors, X))

    def _of_all_columns(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return errors with zeros for what was left out by ``fit``, (n, C) -> (n, V)."""
        layout = self.network_.autoencoder(0).layout
        if self.schema_ is None or layout is None:
            return found
        every = np.zeros((len(found), len(self.schema_.columns)), np.float32)
        every[:, self.schema_.used_places] = found
        return every

    @undisturbed()
    def _in_units(self, rows: NDArray[np.float32]) -> NDArray[Any]:
        """Convert scaled rows to the user's units, in float64; return unscaled rows unchanged.

        Rows of a table become objects, (n, V).
        """
        if self.schema_ is not None:
            return self.schema_.decoded_rows(rows)
        return rows if self.scaling_ is None else self.scaling_.undo(rows)

    def _depth_of(self, layer: int | str | None) -> int:
        """Return the depth of the code of `layer`.

        Raises
        ------
        InvalidParameterError
            If the fitted network does not have this layer.
        """
        if not isinstance(layer, int):
            return self.n_layers_
        if layer >= self.n_layers_:
            wanted = f"below the number of layers of the fitted network, {self.n_layers_}"
            raise invalid_parameter("layer", type(self).__name__, wanted, layer)
        return layer + 1

    @property
    def _n_features_out(self) -> int:
        return self.network_.hidden_layer_sizes[-1]

    # -- files -------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to a file; see :func:`sdae.load`.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        DataError
            If it is a subclass, or has a parameter or labels of a type that a file cannot store.
        FileAccessError
            If the file cannot be written; an older file of that name is then intact.
        """
        check_is_fitted(self)
        write_estimator(self, path)

    def _kept(self) -> Kept:
        """Return what the file stores for this kind of estimator, besides network and history."""
        return Kept()

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:  # noqa: ARG002 - others do
        """Restore from a file what :meth:`_kept` returned; the network is already restored.

        Raises
        ------
        ValueError, LookupError, TypeError
            If the file lacks these values, or has another kind of network.
        """
        self._check_head(model)

    def _check_head(self, model: Model, *heads: Head) -> None:
        """Raise an error unless the network's head is one of `heads`, or is missing without any."""
        kind = model.stack.head_kind
        if kind not in heads and (heads or kind is not None):
            raise ValueError(f"the network does not have the head of {type(self).__name__}")
