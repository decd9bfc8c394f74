"""What fine-tuning learns from unlabelled rows where its settings leave that to the rows.

Axes: n labelled and m unlabelled rows, V columns.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.blocks import Blocks
from sdae.core.conversions import Array
from sdae.core.kinds.heads import Head
from sdae.core.randomness import check_seed
from sdae.core.rows import RowsLike, RowSource, TensorRows, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.targets import weight_tensor
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed
from sdae.train.consistency.rule import (
    Situation,
    learns_from_others,
    methods_by_rows,
    obstacle_of_engine,
)
from sdae.train.labelled import LabelledRows, labelled_rows
from sdae.train.processes.together import ALONE, Processes
from sdae.train.settings import BY_THE_ROWS, FinetuningConfig


def settled(
    config: FinetuningConfig,
    labelled: tuple[Any, NDArray[Any]],
    others: Any,
    n_classes: int,
    seed: int,
    *,
    head: Head | None,
    blocks: Blocks | None,
    weights: NDArray[np.floating] | None = None,
    processes: Processes = ALONE,
) -> FinetuningConfig:
    """Return settings with the methods that fit the rows, or none; all others as they are.

    Several processes learn nothing from unlabelled rows; the first warns where one alone would.

    Parameters
    ----------
    config : FinetuningConfig
    labelled : (x, y)
        Rows (n, V), as an array or a source, and their classes (n,).
    others : rows or None
        Unlabelled rows, (m, V).
    n_classes, seed : int
    head : Head or None
    blocks : Blocks or None
        The columns of a table.
    weights : ndarray of shape (n,), or None
        How much each label counts. One of weight 0 is not looked at, where rows are in memory.
    processes : Processes
        Those that train together.
    """
    if config.semi_supervised != BY_THE_ROWS:
        return config
    nothing = replace(config, semi_supervised=None)
    if not processes.is_first:
        return nothing
    x, y = labelled
    if weights is not None and isinstance(x, np.ndarray):
        x, y = x[weights > 0], y[weights > 0]
    n_others = 0 if others is None else len(others)
    if not learns_from_others(Situation(len(x), n_others, n_classes, _obstacle(config, head))):
        return nothing
    methods = methods_by_rows(x, others, y, n_classes, seed, blocks=blocks)
    if methods is not None and processes.size > 1:
        warn_user(
            f"semi_supervised='auto' is None, since {processes.size} processes train together: one "
            f"process would learn from the rows without labels by {listed(methods)}. Start one "
            "process for that, or set semi_supervised to none."
        )
        return nothing
    return replace(config, semi_supervised=methods)


def settled_on(
    stack: StackedDenoisingAutoencoder,
    config: FinetuningConfig,
    train: LabelledRows,
    unlabeled: RowsLike | None,
    sample_weight: Array | None,
    seed: int,
    processes: Processes,
) -> tuple[FinetuningConfig, RowsLike | None]:
    """Do the same for a network and its rows; return also the unlabelled rows that are left.

    Raises
    ------
    InvalidParameterError, DataError
        If rows, labels or weights do not fit the network or each other, or the seed is none.
    """
    if config.semi_supervised != BY_THE_ROWS:
        return config, unlabeled
    rows, y = labelled_rows(stack, train, "training")
    others = weights = None
    if sample_weight is not None:
        weights = weight_tensor(sample_weight, len(rows), "finetune", stack.head.weight)
    if unlabeled is not None:
        others = row_source(unlabeled, stack.n_visible, stack.head.weight, "unlabeled")
    layout = stack.autoencoder(0).layout
    config = settled(
        config,
        (_in_memory(rows), y.cpu().numpy()),
        None if others is None else _in_memory(others),
        stack.head.out_features,
        check_seed(seed, "finetune"),
        head=stack.head_kind,
        blocks=None if layout is None else layout.blocks,
        weights=None if weights is None else weights.cpu().numpy(),
        processes=processes,
    )
    return config, unlabeled if config.semi_supervised else None


def _obstacle(config: FinetuningConfig, head: Head | None) -> str:
    """Return why nothing can be learned from unlabelled rows; empty if one process can."""
    if head is None or not head.facts.picks_one:
        return "only classes can be spread"
    if config.deterministic:
        return "deterministic learns from labelled rows alone"
    return obstacle_of_engine(config.engine)


def _in_memory(rows: RowSource) -> NDArray[np.float32] | RowSource:
    """Return rows as an array where they are in memory."""
    if not isinstance(rows, TensorRows):
        return rows
    array: NDArray[np.float32] = rows.rows.detach().cpu().numpy().astype(np.float32, copy=False)
    return array
