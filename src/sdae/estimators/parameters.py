"""Constructor parameters, read and checked once, and the configurations made from them.

The names and meanings are those of scikit-learn's ``MLPClassifier`` wherever it has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sdae.core.constraints import (
    read_fields,
)
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.noises import Noise
from sdae.core.kinds.optimizers import Optimizer
from sdae.core.kinds.schedules import Schedule, parse_schedule
from sdae.core.schema.table_schema import INFREQUENT_IF_EXIST
from sdae.estimators.parameter_readers import (
    AUTOMATIC,
    FOR_MANY_LABELS,
    LBFGS,
    READ_ELSEWHERE,
    READERS,
    SOLVER_OR_LBFGS,
    SQUARED_ERROR,
    is_auto,
)
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.consistency.noise import DROPOUT
from sdae.train.consistency.rule import epochs_of_consistency
from sdae.train.settings import FinetuningConfig, PretrainingConfig


@dataclass(frozen=True)
class Settings:
    """The checked parameters of an estimator; those that it lacks keep their defaults.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    activation : Activation
    corruption : tuple of Noise
        One, or one per layer.
    pretrain_epochs, pretrain_learning_rate : tuple
        One, or one per layer.
    decoder : tuple of Decoder
        One, or one per layer.
    solver : str
        Name of an optimiser, or ``lbfgs``, which fine-tunes after pre-training with Adam.
    batch_size : int or None
        None means ``auto``: min(200, n).
    automatic : frozenset of str
        Which of alpha, dropout, max_iter and learning_rate_init are ``auto``. They have the values
        for many labels and narrow networks, until :func:`sdae.estimators.label_rules.for_labels`
        and :func:`sdae.estimators.rate_rule.for_widths` give those of a fit.
    expects_plateau : bool
        Whether fine-tuning that ends without a plateau is warned of: not where the rule ends it
        early, since there are few labels.
    """

    hidden_layer_sizes: tuple[int, ...]
    activation: Activation
    corruption: tuple[Noise, ...]
    pretrain_epochs: tuple[int, ...]
    pretrain_learning_rate: tuple[float, ...]
    decoder: tuple[Decoder, ...]
    tied: bool
    scale: str
    solver: str
    batch_size: int | None
    shuffle: bool
    momentum: float
    beta_1: float
    beta_2: float
    epsilon: float
    nesterovs_momentum: bool
    engine: str
    device: str
    n_threads: int | None
    verbose: bool
    warm_start: bool
    checkpoint: Checkpoint | None
    alpha: float = 0.0
    dropout: float = 0.0
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: float = 10
    max_fun: int = 15_000
    loss: str = SQUARED_ERROR
    layer: int | str | None = None
    contamination: float = 0.1
    max_categories: int | None = 50
    min_frequency: int | float | None = None
    handle_unknown: str = INFREQUENT_IF_EXIST
    automatic: frozenset[str] = frozenset()
    expects_plateau: bool = True
    semi_supervised: str | tuple[str, ...] | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, object], caller: str) -> "Settings":
        """Check the parameters of an estimator.

        Raises
        ------
        InvalidParameterError
            If a parameter is not allowed; one error reports all problems.
        """
        own = {name: v for name, v in parameters.items() if name not in READ_ELSEWHERE}
        readers = dict(READERS)
        if "max_iter" in own:  # only estimators that fine-tune
            readers["solver"] = SOLVER_OR_LBFGS
        automatic = {name for name in AUTOMATIC if is_auto(own.get(name))}
        own |= {name: AUTOMATIC[name] for name in automatic}
        fields = read_fields(readers, own, caller)
        settings = cls(**fields, automatic=frozenset(automatic))
        n_layers = len(settings.hidden_layer_sizes)
        each = ("corruption", "pretrain_epochs", "pretrain_learning_rate", "decoder")
        problems = [
            f"The {name} parameter of {caller} must be one value or one for each of the "
            f"{n_layers} layers. Got {len(getattr(settings, name))} values instead."
            for name in each
            if len(getattr(settings, name)) not in (1, n_layers)
        ]
        if isinstance(settings.layer, int) and settings.layer >= n_layers:
            problems.append(
                f"The layer parameter of {caller} must be below the number of layers, {n_layers}. "
                f"Got {settings.layer} instead. Layers count from 0."
            )
        problems += settings._problems_of_lbfgs(caller) if settings.uses_lbfgs else []
        if problems:
            raise InvalidParameterError("\n".join(problems))
        return settings

    @property
    def uses_lbfgs(self) -> bool:
        """Whether fine-tuning is by L-BFGS."""
        return self.solver == LBFGS

    def _problems_of_lbfgs(self, caller: str) -> list[str]:
        wanted = {
            "engine": (self.engine in ("auto", "autograd"), "'auto' or 'autograd'"),
            "dropout": (self.dropout == 0, "0"),
        }
        return [
            f"The {name} parameter of {caller} must be {what} with solver='lbfgs', which follows "
            f"the exact gradient of all rows. Got {getattr(self, name)!r} instead."
            for name, (fits, what) in wanted.items()
            if not fits
        ]

    def batch_of(self, n_rows: int) -> int:
        """Return the number of rows of a minibatch, at most `n_rows`."""
        return min(self.batch_size or 200, n_rows)

    def pretraining(self, n_rows: int, epochs: tuple[int, ...]) -> PretrainingConfig:
        """Return the configuration of pre-training on `n_rows` rows."""
        return PretrainingConfig(
            epochs=epochs,
            learning_rate=self.pretrain_learning_rate,
            batch_size=self.batch_of(n_rows),
            shuffle=self.shuffle,
            optimizer=self._optimizer,
            momentum=self._momentum,
            nesterov=self._nesterov,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            engine=self._engine_of_pretraining(n_rows),
        )

    def finetuning(
        self, n_rows: int, epochs: int, rate: float, *, classifies: bool
    ) -> FinetuningConfig:
        """Return the configuration of fine-tuning on `n_rows` rows, starting at `rate`.

        The requested engine is for classifiers; for regression ``auto`` takes one that supports it.
        """
        batch_size = n_rows if self.uses_lbfgs else self.batch_of(n_rows)
        return FinetuningConfig(
            epochs=epochs,
            learning_rate=rate,
            batch_size=batch_size,
            shuffle=self.shuffle,
            optimizer=self._optimizer,
            momentum=self._momentum,
            nesterov=self._nesterov,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            schedule=self._schedule(n_rows),
            # MLPClassifier's penalty is alpha / 2 · ‖W‖² over the rows of a minibatch.
            weight_decay=self.alpha / batch_size,
            dropout=self.dropout,
            early_stopping=False,  # the rule is scikit-learn's; see `stopping`
            engine=self.engine if classifies else "auto",
        )

    def for_consistency(self, n_rows: int) -> "Settings":
        """Return settings whose ``auto`` values are those for learning from unlabelled rows too.

        `n_rows` are all rows, which an epoch goes through; there are thousands of updates. The
        other rows take the place of a strong penalty.
        """
        values: dict[str, Any] = {
            "alpha": FOR_MANY_LABELS["alpha"],
            "dropout": DROPOUT,
            "max_iter": epochs_of_consistency(n_rows, self.batch_of(n_rows)),
            "learning_rate_init": AUTOMATIC["learning_rate_init"],
        }
        return replace(self, **{name: values[name] for name in self.automatic})

    def with_consistency(
        self, config: FinetuningConfig, methods: tuple[str, ...], n_rows: int
    ) -> FinetuningConfig:
        """Return a configuration of fine-tuning that also learns from unlabelled rows."""
        batch_size = self.batch_of(n_rows)
        return replace(
            config,
            epochs=self.max_iter,
            batch_size=batch_size,
            weight_decay=self.alpha / batch_size,
            semi_supervised=methods,
        )

    @property
    def adapts(self) -> bool:
        """Whether the rate falls at a plateau; as in MLPClassifier, only with ``sgd``."""
        return self.learning_rate == "adaptive" and self.solver == "sgd"

    @property
    def _optimizer(self) -> Optimizer:
        """The optimiser of pre-training, and of fine-tuning by minibatches."""
        return Optimizer.ADAM if self.uses_lbfgs else Optimizer(self.solver)

    @property
    def _momentum(self) -> float:
        return self.momentum if self.solver == "sgd" else 0.0

    @property
    def _nesterov(self) -> bool:
        return self.nesterovs_momentum and self._momentum > 0

    def _engine_of_pretraining(self, n_rows: int) -> str:
        """Return the engine of pre-training; ``auto`` without pre-training, to avoid errors."""
        return self.engine if any(self.pretrain_epochs) and n_rows else "auto"

    def _schedule(self, n_rows: int) -> Schedule:
        match self.learning_rate:
            case "invscaling" if self.solver == "sgd":
                return Schedule("inverse_power", (self.power_t, float(n_rows)))
            case "adaptive" | "invscaling":  # as in MLPClassifier, only for sgd
                return Schedule()
            case text:
                return parse_schedule(text)
