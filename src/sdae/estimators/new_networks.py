"""Build an untrained network from checked parameters and rows.

Axes: n rows, V columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import check_random_state

from sdae.core.devices import resolve_device
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.preprocessing import Scaling, choose, fit_scaling, fit_scaling_sparse
from sdae.core.rows import RowSource, ScaledRows, SparseRows
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.inputs import Rows
from sdae.estimators.parameters import Settings


def settle(x: Rows, settings: Settings, caller: str) -> tuple[Scaling | None, tuple[Decoder, ...]]:
    """Resolve ``auto``: choose the scaling of the columns and the decoder of each layer.

    Raises
    ------
    DataError
        If cross-entropy is requested for data outside [0, 1], or values are too large to scale.
    """
    first, *above = settings.decoder
    if not above:
        # For layer 0 "sigmoid" and "auto" are resolved from the data; upper layers follow the range
        # of the codes below.
        upper = Decoder.LINEAR if first is Decoder.LINEAR else Decoder.AUTO
        above = [upper] * (len(settings.hidden_layer_sizes) - 1)
    remedy = "Set scale='minmax', or decoder='linear'."
    scale, first, _ = choose(x, settings.scale, first, f"X of {caller}", remedy)
    with np.errstate(over="ignore", invalid="ignore"):
        scaling = (fit_scaling_sparse if sparse.issparse(x) else fit_scaling)(x, scale)
    if scaling is not None and not np.isfinite([scaling.offset, scaling.scale]).all():
        raise DataError(
            "X has a column whose values are too large to scale (from "
            f"{float(x.min()):.6g} to {float(x.max()):.6g}). Divide it by a constant first."
        )
    return scaling, (first, *above)


def new_network(
    n_visible: int,
    settings: Settings,
    decoders: tuple[Decoder, ...],
    seed: int,
    head: tuple[Head, int] | None,
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
    )
    return network.to(resolve_device(settings.device))


def network_rows(
    x: Rows, scaling: Scaling | None, network: StackedDenoisingAutoencoder
) -> NDArray[np.float32] | RowSource:
    """Return rows for the network; sparse rows stay sparse until their minibatch."""
    if sparse.issparse(x):
        like = network.autoencoder(0).weight.detach()
        if scaling is None:
            return SparseRows(x, like)
        exact = SparseRows(x, like.cpu().double())  # scaled in float64, as dense rows are
        return ScaledRows(exact, scaling.offset, scaling.scale, like)
    if scaling is None:
        return np.asarray(x, np.float32)
    return scaling.apply(x)


def seed_of(random_state: Any, caller: str) -> int:
    """Draw the seed of a fit from `random_state`: None, an integer, or NumPy's generator."""
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError:
        wanted = "None, an integer in [0, 2**32), or a RandomState"
        raise invalid_parameter("random_state", caller, wanted, random_state) from None
