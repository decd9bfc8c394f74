"""The data of a run as training needs them.

Axes: n rows, V columns.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.preprocessing import Scaling
from sdae.core.schema.table_schema import Schema

Rows = NDArray[np.floating]
"""Rows in the units of the source, in a type that does not round them."""

NetworkRows = NDArray[np.float32]
AnyRows = Any
"""Rows as the network takes them: NetworkRows, or SourceRows where they stay on the disk."""

Labelled = tuple[AnyRows, NDArray[np.int64] | NDArray[np.float64]]
Classes = tuple[int, ...] | tuple[str, ...]


@dataclass(frozen=True)
class PreparedData:
    """The data as training needs them.

    Attributes
    ----------
    name : str
        Name of the source, for messages.
    rows : ndarray of float32, or SourceRows, shape (n, V)
        Rows for pre-training: the training rows, then the unlabelled ones.
    train, validation, test : (x, y) or None
        Labelled parts; `train` is None where there are no labels. The values of a regression are
        standardised.
    scaling : Scaling or None
        The scaling already applied to all rows above.
    decoder : Decoder
        Decoder of the first layer, with ``auto`` resolved from the data.
    choice : str
        How columns are scaled and why, for messages; empty if an existing model fixed it.
    feature_names : tuple of str or None
    image_shape : (int, int) or None
    schema : Schema or None
        The typed columns of a table, by which all rows above are encoded.
    head : Head or None
        What the labels are; None where there are none.
    classes : tuple or None
        What each output of the head stands for: a class, one of several labels, or a target.
    target_scaling : Scaling or None
        The scaling of the values of a regression.
    train_weight, validation_weight : ndarray of float64 or None
        How much each labelled row counts, by the weight of its class.
    n_hidden : int
        Number of training rows whose labels are hidden, so that they serve as rows without labels.
    unlabelled : ndarray of float32, or SourceRows, shape (m, V), or None
        Those of `rows` that are not in `train`; of a model that exists the rows given apart.
    """

    name: str
    rows: AnyRows
    train: Labelled | None
    validation: Labelled | None
    test: Labelled | None
    scaling: Scaling | None
    decoder: Decoder
    choice: str
    feature_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    schema: Schema | None = None
    head: Head | None = None
    classes: Classes | None = None
    target_scaling: Scaling | None = None
    train_weight: NDArray[np.float64] | None = None
    validation_weight: NDArray[np.float64] | None = None
    n_hidden: int = 0
    unlabelled: AnyRows | None = None
