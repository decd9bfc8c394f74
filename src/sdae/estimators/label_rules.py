"""What ``auto`` means for alpha, dropout and max_iter: a fixed rule by the number of labels.

Few labels are learned by heart within some epochs, and the network is then sure of what is not so;
many labels need neither a penalty nor an early end. A network of few inputs can learn less by
heart: n labels of V inputs count as n · 20 / V of them if V is below 20. With n so counted

    alpha    = (100 / n)^1.5, but at most 1; twice that for a regression; at least 0.0001,
    dropout  = log10(10,000 / n) / 4, but at most 0.5 and at least 0; 0 for a regression,
    max_iter = 10 for each class, but at most 100, times n / 100; at least 100 and at most 200.
               For a regression 20, from n = 100 on times n / 100, but at most 100:

the strongest up to 100 labels. max_iter of classes is that of ``MLPClassifier`` from 1,000 labels
on at the latest, dropout is 0 from 10,000 on, and alpha is 0.0001 from 46,416 on (of a regression
from 73,681 on). There is no cross-validation: it costs several fits, and with few labels its choice
is mostly chance.

What varies less needs larger weights. So where columns stay as they are, alpha is multiplied by
their mean variance, if that is at most 0.25, the most within [0, 1]; over pixels of MNIST it is
0.07.

How it was found: pre-trained networks were fine-tuned with 24, 60, 150, 500, 1,500 and 2,500 labels
of 24 tables of classes and 12 of numbers, none of them among those of
``benchmarks/few_labels_auc.py``. Up to 150 labels a penalty of 1 was the best of 0.0001, 0.1, 1 and
10 by accuracy and by the logarithmic loss, and dropout of 0.5 of 0, 0.25 and 0.5 by the latter. At
that penalty more epochs did little harm, without it much; on 32 tables of the KEEL repository with
30 to 300 labels 100 epochs were better on the mean than 10 for each class, and no worse than more.
With 500 labels a penalty of 0.1 was the best, with 1,500 and 2,500 one of 0.01 to 0.1, with dropout
of 0.25 or 0.5. Tables of at most 7 inputs wanted a tenth of the penalty and half the dropout from
150 labels on; that few inputs matter showed first on one of the six tables, Titanic with all
labels. Numbers wanted no dropout: where they follow closely from the columns, it costs much. On
65 other tables of numbers, half of them of people and states, half of technical and natural things,
with 20 to 2,500 labels, one to ten times the penalty of classes were tried, and a quarter, a half
and all of 40 to 200 epochs. Of people two to five times and a half were the best on the mean, far
better than once and all with up to 50 labels and from 400 on; of things, which have less noise, one
to three times are about equal, up to two at 400 (``benchmarks/regression_rule.py``). Fitting the
head alone to convergence before the whole network did not help. That unscaled columns want less of
a penalty was seen with 100 to 1,000 labels of MNIST, on rows held out of training, and with 30 to
1,000 of 23 of those tables of KEEL, each column of which was brought to [0, 1].

The epochs are for a learning rate of 0.005: a lower one lengthens max_iter in proportion, that of
:mod:`sdae.estimators.rate_rule` too. What the rule does not know: what ``sgd``, ``lbfgs`` and early
stopping need, so these have 200.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sdae.core.constraints import integer, number
from sdae.core.rows import row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.parameter_readers import FOR_MANY_LABELS, LBFGS, RATE
from sdae.estimators.parameters import Settings
from sdae.train.doctor import spaced_sample

_FEW, _MANY = 100, 10_000  # labels up to which nothing changes, and from which on no dropout
_POWER = 1.5  # by which alpha falls
_EPOCHS_OF_A_CLASS, _EPOCHS_OF_CLASSES = 10, 100
_EPOCHS_OF_VALUES, _MOST_EPOCHS_OF_VALUES = 20, 100
_PENALTY_OF_VALUES = 2
_FEW_INPUTS = 20
_MOST_IN_UNIT = 0.25  # the most that a column within [0, 1] can vary

logger = logging.getLogger("sdae")


@dataclass(frozen=True)
class Regularisation:
    """The values that a fit was made with."""

    alpha: float
    dropout: float
    max_iter: int
    learning_rate_init: float = RATE

    @classmethod
    def of(cls, settings: Settings) -> "Regularisation":
        """Return the values of settings."""
        rate = settings.learning_rate_init
        return cls(settings.alpha, settings.dropout, settings.max_iter, rate)

    @classmethod
    def of_a_file(cls, values: Mapping[str, Any]) -> "Regularisation":
        """Return the values that a file stores.

        Raises
        ------
        ValueError, LookupError, TypeError
            If they are not allowed.
        """
        return cls(
            number(0).read(values["alpha"]),
            number(0, 0.99).read(values["dropout"]),
            integer(1).read(values["max_iter"]),
            number(0).read(values["learning_rate_init"]),
        )


def regularisation_for(n_labels: int, n_classes: int | None, n_inputs: int) -> Regularisation:
    """Return the values for a number of labels; `n_classes` is None for a regression."""
    n = max(n_labels, 1) * max(1.0, _FEW_INPUTS / n_inputs)
    alpha, epochs = min(1.0, (_FEW / n) ** _POWER), n / _FEW
    if n_classes is None:
        alpha, dropout = _PENALTY_OF_VALUES * alpha, 0.0
        least, most = _EPOCHS_OF_VALUES, _MOST_EPOCHS_OF_VALUES
        epochs *= _EPOCHS_OF_VALUES
    else:
        dropout = min(0.5, max(0.0, math.log10(_MANY / n) / 4))
        least, most = _EPOCHS_OF_CLASSES, int(FOR_MANY_LABELS["max_iter"])
        epochs *= min(_EPOCHS_OF_A_CLASS * n_classes, _EPOCHS_OF_CLASSES)
    return Regularisation(
        alpha=max(alpha, FOR_MANY_LABELS["alpha"]),
        dropout=dropout,
        max_iter=min(most, max(least, round(epochs))),
    )


def for_labels(
    settings: Settings, n_labels: int, network: StackedDenoisingAutoencoder, variance: float
) -> Settings:
    """Return settings whose ``auto`` values are those for the labels of a fit.

    Parameters
    ----------
    settings : Settings
    n_labels : int
        Number of rows with labels that the network learns from.
    network : StackedDenoisingAutoencoder
        Its head is that of the labels.
    variance : float
        Mean variance of its inputs; 1 where they were scaled.
    """
    if settings.automatic.isdisjoint(FOR_MANY_LABELS):
        return settings
    head = network.head_facts
    assert network.n_outputs is not None
    # Each of several labels is a question with two answers.
    n_classes: int | None = network.n_outputs if head.picks_one else 2
    if head.probabilities is None:
        n_classes = None
    rule = regularisation_for(n_labels, n_classes, network.n_visible)
    of_variance = variance if variance <= _MOST_IN_UNIT else 1.0
    ends_early = "max_iter" in settings.automatic and _ends_early(rule.max_iter, settings)
    rule = replace(
        rule,
        alpha=max(rule.alpha * of_variance, FOR_MANY_LABELS["alpha"]),
        dropout=0.0 if settings.solver == LBFGS else rule.dropout,
        max_iter=_epochs(rule.max_iter, settings),
    )
    chosen = {name: getattr(rule, name) for name in FOR_MANY_LABELS if name in settings.automatic}
    return replace(settings, **chosen, expects_plateau=not ends_early)


def say_values(settings: Settings, n_labels: int, n_others: int | None) -> None:
    """Log what ``auto`` has become in the settings of a fine-tuning.

    `n_others` are rows without labels that are learned from; None where labels alone are.
    """
    chosen = [name for name in FOR_MANY_LABELS if name in settings.automatic]
    if not chosen:
        return
    rows = f"{n_labels:,} labels, by their number"
    if n_others is not None:
        rows = f"{n_labels:,} labels and {n_others:,} rows without"
    words = ", ".join(f"{name}={getattr(settings, name):g}" for name in chosen)
    logger.info("Fine-tuning on %s: %s.", rows, words)


def mean_variance(rows: Any, network: StackedDenoisingAutoencoder) -> float:
    """Return the mean variance of a column over some rows as the network takes them."""
    source = row_source(rows, network.n_visible, network.autoencoder(0).weight, "x")
    x = source.batch(spaced_sample(source)).double()  # (n, V)
    return float(x.var(dim=0).mean()) if len(x) > 1 else 1.0


def _ends_early(fewest: int, settings: Settings) -> bool:
    """Return whether few labels are why fine-tuning ends, and not the most epochs of all."""
    most = int(FOR_MANY_LABELS["max_iter"])
    is_low_by_rule = "learning_rate_init" in settings.automatic and not _needs_most(settings)
    return fewest < most and (is_low_by_rule or _epochs(fewest, settings) < most)


def _needs_most(settings: Settings) -> bool:
    return settings.early_stopping or settings.solver in (LBFGS, "sgd")


def _epochs(fewest: int, settings: Settings) -> int:
    most = int(FOR_MANY_LABELS["max_iter"])
    if _needs_most(settings):
        return most
    rate = settings.learning_rate_init
    return most if rate * most <= RATE * fewest else max(fewest, round(fewest * RATE / rate))
