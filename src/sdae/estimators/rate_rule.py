"""What ``auto`` means for learning_rate_init: a fixed rule by the widths of the network.

A step of Adam moves each weight by about the learning rate, however small its gradient is. What a
unit adds up moves by that much for each of its inputs, so the same rate that suits a hundred inputs
shakes a unit of a thousand. With W the most inputs that any unit has (the columns that the network
sees, or the units of a hidden layer)

    learning_rate_init = 0.005 · 100 / W, but at most 0.005 and at least 0.0005.

Plain descent follows the gradients themselves, and has 0.005 at any width.

How it was found: pre-trained networks were fine-tuned with 100 to 1,000 labels at rates from 0.005
to 0.0005, on eight tables of 58 to 1,502 columns, on most of the 52 tables of
``benchmarks/few_labels_rule.py`` with (300,) and (500, 500) units, and, with up to 3,000 labels, on
rows of MNIST that were held out of training. ``benchmarks/wide_networks.py`` measures the rule.
"""

import logging
from dataclasses import replace

from sdae.core.kinds.optimizers import Optimizer
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.parameter_readers import RATE
from sdae.estimators.parameters import Settings

_WIDE, _LOWEST_RATE = 100, 0.0005

logger = logging.getLogger("sdae")


def rate_for(most_inputs: int) -> float:
    """Return the rate for networks whose units have at most so many inputs."""
    return max(_LOWEST_RATE, RATE * min(1.0, _WIDE / most_inputs))


def for_widths(settings: Settings, network: StackedDenoisingAutoencoder) -> Settings:
    """Return settings whose learning rate, if it is ``auto``, is that for a network."""
    adapts = not settings.uses_lbfgs and Optimizer(settings.solver).facts.squares is not None
    if "learning_rate_init" not in settings.automatic or not adapts:
        return settings
    return replace(settings, learning_rate_init=rate_for(_most_inputs(network)))


def say_rate(settings: Settings, network: StackedDenoisingAutoencoder) -> None:
    """Log the rate of a fine-tuning, if the rule has lowered it."""
    rate = settings.learning_rate_init
    if "learning_rate_init" in settings.automatic and rate < RATE:
        most = f"{_most_inputs(network):,}"
        logger.info("Fine-tuning at a learning rate of %g: a unit has up to %s inputs.", rate, most)


def _most_inputs(network: StackedDenoisingAutoencoder) -> int:
    return max(network.n_visible, *network.hidden_layer_sizes)
