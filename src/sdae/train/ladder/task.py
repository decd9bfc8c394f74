"""The data and settings of the training of a ladder, checked before the first update.

Axes: n rows, V columns.
"""

from dataclasses import dataclass

from torch import Tensor

from sdae.core.conversions import Array
from sdae.core.errors import InvalidParameterError
from sdae.core.ladder.network import LadderNetwork
from sdae.core.rows import RowsLike, RowSource, row_source
from sdae.core.targets import weight_tensor
from sdae.train.joined_rows import JoinedRows
from sdae.train.labelled import LabelledRows, pair_of
from sdae.train.ladder.settings import LadderConfig

CALLER = "train_ladder"


@dataclass(frozen=True)
class LadderTask:
    """The data of the training of a ladder, on the device of the network.

    Attributes
    ----------
    network : LadderNetwork
    config : LadderConfig
    labelled : RowSource
    y : Tensor
        Their targets.
    weights : Tensor or None
        Their weights.
    unlabelled : RowSource
        All rows, the labelled among them.
    batch_size : int
        At most the number of unlabelled rows.
    caller : str
        Name in error messages.
    """

    network: LadderNetwork
    config: LadderConfig
    labelled: RowSource
    y: Tensor
    weights: Tensor | None
    unlabelled: RowSource
    batch_size: int
    caller: str = CALLER

    @property
    def costs(self) -> tuple[float, ...]:
        """The weight of the reconstruction at each depth."""
        return self.config.costs(len(self.network.sizes))

    def data(self) -> dict[str, RowSource | Tensor | None]:
        """Return all data, with a name for each part."""
        return {
            "x": self.labelled,
            "y": self.y,
            "sample_weight": self.weights,
            "unlabelled rows": self.unlabelled,
        }


def check_task(
    network: LadderNetwork,
    train: LabelledRows,
    unlabeled: RowsLike | None,
    config: LadderConfig,
    sample_weight: Array | None = None,
    caller: str = CALLER,
) -> LadderTask:
    """Raise the errors that would stop the training of a ladder.

    Raises
    ------
    InvalidParameterError, DataError
        As :func:`sdae.train_ladder`.
    """
    like, facts = network.gain, network.head_kind.facts
    given, targets = pair_of(train, "training")
    labelled = row_source(given, network.n_visible, like, "x of the training set")
    y = facts.check(targets, len(labelled), network.n_outputs, "the training set", like)
    rows: RowSource = labelled
    if unlabeled is not None:
        more = row_source(unlabeled, network.n_visible, like, "unlabeled")
        rows = JoinedRows(labelled, more)
    weights = None
    if sample_weight is not None:
        weights = weight_tensor(sample_weight, len(labelled), caller, like)
    if len(rows) < 2:
        raise InvalidParameterError(
            f"{caller} needs at least 2 rows, to normalise by the rows of a batch. Got "
            "n_samples=1. Add rows with labels, or unlabeled ones."
        )
    n_depths = len(network.sizes)
    if len(config.denoising_costs) not in (1, n_depths):
        raise InvalidParameterError(
            f"The denoising_costs parameter of {caller} must be one number, for the input, or one "
            f"for each of the {n_depths} depths, the input first. Got "
            f"{len(config.denoising_costs)} numbers instead."
        )
    batch_size = min(config.batch_size, len(rows))
    return LadderTask(network, config, labelled, y, weights, rows, batch_size, caller)
