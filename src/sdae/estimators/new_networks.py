"""Build an untrained network from checked parameters and rows.

Axes: n rows, V columns.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import check_random_state
from torch import Tensor

from sdae.core.array_rows import ArrayRows, is_large
from sdae.core.blocks import Blocks
from sdae.core.devices import resolve_device
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.preprocessing import (
    Scaling,
    choose,
    fit_scaling,
    fit_scaling_sparse,
)
from sdae.core.rows import RowSource, ScaledRows, SparseRows
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import SourceRows, at_hand
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.wording import listed
from sdae.estimators.inputs import Rows
from sdae.estimators.parameters import Settings
from sdae.estimators.table_sources import AnyTable, encoded_table
from sdae.train.doctor import spaced_sample

FEWEST_ZEROS = 0.25  # of values in [0, 1] that are left as they are

Preparation = Scaling | Schema | None
"""How rows are brought into the form that the network takes."""


class OfTables(Protocol):
    """The checked parameters that say how a table is read."""

    @property
    def scale(self) -> str:
        """How numbers are scaled."""
        ...

    @property
    def max_categories(self) -> int | None:
        """The largest number of levels."""
        ...

    @property
    def min_frequency(self) -> int | float | None:
        """Levels in fewer rows are rare."""
        ...

    @property
    def handle_unknown(self) -> str:
        """What a level that was not seen is."""
        ...


def settle(
    x: Rows, settings: Settings, caller: str, *, is_supervised: bool
) -> tuple[Scaling | None, tuple[Decoder, ...]]:
    """Resolve ``auto``: choose the scaling of the columns and the decoder of each layer.

    For a network that learns a target too, values in [0, 1] are standardised if few of them are 0.

    Raises
    ------
    DataError
        If cross-entropy is requested for data outside [0, 1], or values are too large to scale.
    """
    first, *above = _of_each_layer(settings)
    few_zeros = partial(has_few_zeros, x) if is_supervised else None
    scaling, first = settle_scaling(x, settings.scale, first, caller, few_zeros=few_zeros)
    return scaling, (first, *above)


def has_few_zeros(x: Rows) -> bool:
    """Return whether few of the values of some rows are 0: of measurements, but not of pixels."""
    return share_of_zeros(x) < FEWEST_ZEROS


def share_of_zeros(x: Rows) -> float:
    """Return how many of the values of some rows are 0, in [0, 1]; of a sparse matrix of all."""
    if sparse.issparse(x):
        return 1.0 - float(x.count_nonzero() / math.prod(x.shape))
    places = spaced_sample(x)
    some = (
        x.batch(places).detach().cpu().numpy() if isinstance(x, SourceRows) else x[places.samples]
    )
    return float((some == 0).mean())


def settle_scaling(
    x: Rows,
    scale: str,
    decoder: Decoder,
    caller: str,
    *,
    few_zeros: Callable[[], bool] | None = None,
) -> tuple[Scaling | None, Decoder]:
    """Fit the scaling of the columns, and resolve ``auto`` for the decoder of layer 0.

    Raises
    ------
    DataError
        As :func:`settle`.
    """
    remedy = "Set scale='minmax', or decoder='linear'."
    x = x.statistics() if isinstance(x, SourceRows) else x
    chosen = choose(x, scale, decoder, f"X of {caller}", remedy, few_zeros=few_zeros)
    scale, decoder = chosen.scale, chosen.decoder
    with np.errstate(over="ignore", invalid="ignore"):
        scaling = (fit_scaling_sparse if sparse.issparse(x) else fit_scaling)(x, scale)
    if scaling is not None and not np.isfinite([scaling.offset, scaling.scale]).all():
        raise DataError(
            "X has a column whose values are too large to scale (from "
            f"{float(x.min()):.6g} to {float(x.max()):.6g}). Divide it by a constant first."
        )
    return scaling, decoder


def decoders_of_table(settings: Settings) -> tuple[Decoder, ...]:
    """Return the decoder of each layer of a network for a table: layer 0 decodes by blocks."""
    return (Decoder.BLOCKS, *_of_each_layer(settings)[1:])


def schema_options(estimator: Any, x: AnyTable, settings: OfTables) -> SchemaOptions:
    """Return how the schema of a table is learned.

    Raises
    ------
    InvalidParameterError
        If `categorical_features` are not columns of the table.
    """
    return SchemaOptions(
        categorical=categorical_columns(estimator.categorical_features, x, type(estimator)),
        scale="standard" if settings.scale == "auto" else settings.scale,
        max_categories=settings.max_categories or sys.maxsize,
        min_frequency=1 if settings.min_frequency is None else settings.min_frequency,
        handle_unknown=settings.handle_unknown,
        remedy="Drop them, encode them (skrub has encoders), or name them in categorical_features.",
    )


def categorical_columns(declared: Any, x: AnyTable, kind: type) -> frozenset[str] | None:
    """Return the names of the columns that are declared as categories; None: as their types say.

    Raises
    ------
    InvalidParameterError
        If `declared` is none of the forms, or a column does not exist.
    """
    if isinstance(declared, str) and declared == "from_dtype":
        return None
    if declared is None:
        return frozenset()
    array = np.asarray(declared)
    forms = "'from_dtype', None, or names, indices or a mask of columns"
    if array.ndim == 1 and array.dtype == bool and len(array) == len(x.names):
        return frozenset(name for name, is_one in zip(x.names, array, strict=True) if is_one)
    if array.ndim == 1 and array.dtype.kind in "iu" and set(array.tolist()) <= _indices(x):
        return frozenset(x.names[k] for k in array.tolist())
    names = [str(name) for name in array.tolist()] if array.ndim == 1 else []
    if array.ndim != 1 or array.dtype.kind not in "USO" or not set(names) <= set(x.names):
        wanted = f"{forms} of X: {listed(x.names)}"
        raise invalid_parameter("categorical_features", kind.__name__, wanted, declared)
    return frozenset(names)


def _indices(x: AnyTable) -> set[int]:
    n_columns = len(x.names)
    return set(range(-n_columns, n_columns))


def _of_each_layer(settings: Settings) -> list[Decoder]:
    first, *above = settings.decoder
    if not above:
        # For layer 0 "sigmoid" and "auto" are resolved from the data; upper layers follow the range
        # of the codes below.
        upper = Decoder.LINEAR if first is Decoder.LINEAR else Decoder.AUTO
        above = [upper] * (len(settings.hidden_layer_sizes) - 1)
    return [first, *above]


def new_network(
    n_visible: int,
    settings: Settings,
    decoders: tuple[Decoder, ...],
    seed: int,
    head: tuple[Head, int] | None,
    blocks: Blocks | None = None,
) -> StackedDenoisingAutoencoder:
    """Build the untrained network of an estimator on its device, with or without a head."""
    kind, n_outputs = head or (None, None)
    parameter = None if kind is None else kind.facts.parameter
    network = StackedDenoisingAutoencoder(
        n_visible,
        settings.hidden_layer_sizes,
        n_outputs if parameter == "n_classes" else None,
        settings.corruption,
        n_labels=n_outputs if parameter == "n_labels" else None,
        n_targets=n_outputs if parameter == "n_targets" else None,
        head=kind,
        activation=settings.activation,
        decoder=decoders,
        tied=settings.tied,
        seed=seed,
        blocks=blocks,
    )
    device = resolve_device(settings.device)
    return network if device.type == "cpu" else network.to(device)


def network_rows(x: Rows, scaling: Preparation, like: Tensor) -> NDArray[np.float32] | RowSource:
    """Return rows for a network with parameters like `like`.

    Sparse rows stay sparse until their minibatch, and those of a large array are scaled then. Rows
    of a source are read when they are needed, unless they are so few that all are read now.
    """
    x = encoded_table(scaling, x) if isinstance(scaling, Schema) else x
    scaling = None if isinstance(scaling, Schema) else scaling
    x = at_hand(x)
    if isinstance(x, SourceRows):
        return x.scaled(scaling, like)
    if sparse.issparse(x):
        if scaling is None:
            return SparseRows(x, like)
        exact = SparseRows(x, like.cpu().double())  # scaled in float64, as dense rows are
        return ScaledRows(exact, scaling.offset, scaling.scale, like)
    if is_large(x) and not (scaling is None and _is_taken_as_it_is(x)):
        x = ArrayRows(x)
    if isinstance(x, ArrayRows):
        rows = x.scaled(scaling)
        return rows if like.device.type == "cpu" else rows.delivered()
    if scaling is None:
        return np.ascontiguousarray(x, np.float32)
    return scaling.apply(x)


def _is_taken_as_it_is(x: NDArray[np.floating]) -> bool:
    """Return whether PyTorch shares the memory of an array that is not scaled."""
    return x.dtype == np.float32 and x.flags.writeable


def weight_of(network: StackedDenoisingAutoencoder) -> Tensor:
    """Return a parameter of a network, for its type and device."""
    return network.autoencoder(0).weight.detach()


def seed_of(random_state: Any, caller: str) -> int:
    """Draw the seed of a fit from `random_state`: None, an integer, or NumPy's generator."""
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError:
        wanted = "None, an integer in [0, 2**32), or a RandomState"
        raise invalid_parameter("random_state", caller, wanted, random_state) from None
