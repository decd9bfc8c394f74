"""The parameters of the constructors, each declared once with its default.

They are dataclasses, so each estimator's ``__init__`` lists its parameters by name, which
scikit-learn's ``get_params`` and ``clone`` read. Values are stored as given, and checked by ``fit``
(:class:`sdae.estimators.parameters.Settings`). The docstrings of the estimators document them.
"""

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdae.train.checkpoints.checkpoint_folder import Checkpoint


@dataclass(eq=False, repr=False, match_args=False)
class NetworkParameters:
    """Parameters of the five estimators that pre-train: the network and its pre-training."""

    hidden_layer_sizes: Any = (100,)
    activation: Any = "tanh"
    _: KW_ONLY
    corruption: Any = "masking:0.3"
    pretrain_epochs: Any = 50
    pretrain_learning_rate: Any = 0.001
    decoder: Any = "auto"
    scale: str = "auto"
    categorical_features: Any = "from_dtype"
    max_categories: int | None = 50
    min_frequency: Any = None
    handle_unknown: str = "infrequent_if_exist"
    missing_values: Any = np.nan
    tied: bool = True
    solver: str = "adam"
    batch_size: Any = 32
    shuffle: bool = True
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    engine: str = "auto"
    device: str = "cpu"
    n_threads: int | None = None
    warm_start: bool = False
    checkpoint: Checkpoint | str | Path | None = None
    random_state: Any = None
    verbose: Any = False


@dataclass(eq=False, repr=False, match_args=False)
class FinetuningParameters(NetworkParameters):
    """Additional parameters of the classifier and the regressor."""

    _: KW_ONLY
    alpha: float | str = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float | str = "auto"
    power_t: float = 0.5
    max_iter: int | str = "auto"
    max_fun: int = 15_000
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: float = 10
    dropout: float | str = "auto"
