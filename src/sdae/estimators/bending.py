"""What layer 0 of an estimator is changed to between pre-training and fine-tuning.

The initial weights of tanh units (Glorot and Bengio 2010) are the smaller the more units there are,
and biases start at 0. With few inputs all units are then nearly straight lines through the middle
of the data, and pre-training leaves them so, since lines reconstruct best. Descent soon finds the
best plane and rests there: of 3,000 rows of y = sin 2x an estimator learned a straight line, and of
two circles, one in the other, nothing from 60.

So before a first fine-tuning the pre-activations a of some rows are measured: their spread over the
rows, and the spread of their means over the units. Where all means are near 0, biases of ±0.5 are
added, and the weights are enlarged, up to five times, until a spreads by 0.7, or 0.5 for a
regression. Units then bend at different places of the data. Those of images do so already: their
values are not centred.

How it was found: fits with 30 to 1,000 labels of the 52 tables of ``benchmarks/few_labels_rule.py``
and 20 to 2,500 of the 65 of ``benchmarks/regression_rule.py``; spreads of 0.5, 0.7 and 1 and biases
of ±0.3, ±0.5, ±0.7 and ±1, not all with all. Larger ones were better for classes, and worse for
regressions with 20 labels or 1,000 and more, and for few labels of MNIST. Before pre-training the
same did harm: tied weights of that size reconstruct badly.

Axes: n rows, V inputs, H units.
"""

import math

import numpy as np
import torch
from torch import nn

from sdae.core.kinds.activations import Activation
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.doctor import spaced_sample

SPREAD_FOR_CLASSES, SPREAD_FOR_VALUES = 0.7, 0.5
MOST_ENLARGED, BIAS_BOUND = 5.0, 0.5
_OF_BIASES = 1  # in the stream of the initial weights


@torch.no_grad()
def bend_first_layer(network: StackedDenoisingAutoencoder, rows: RowSource, seed: int) -> None:
    """Change weights and biases of layer 0 where its units are straight lines over the rows.

    Networks of other activations than tanh are left as they are.
    """
    if network.activation is not Activation.TANH:
        return
    layer, is_regression = network.autoencoder(0), network.head_facts.probabilities is None
    least = SPREAD_FOR_VALUES if is_regression else SPREAD_FOR_CLASSES
    x = rows.batch(spaced_sample(rows))  # (n, V)
    a = nn.functional.linear(x, layer.weight, layer.hidden_bias).double()  # (n, H)
    means = a.mean(dim=0)
    spread = float((a - means).square().mean().sqrt())
    of_means = float(means.square().mean().sqrt())
    if of_means >= min(BIAS_BOUND / math.sqrt(3), spread / 2):  # as far apart as biases would be
        return
    enlarged = min(MOST_ENLARGED, max(1.0, least / spread))
    key = NoiseKey(seed, Stream.INITIALISATION, 0)
    drawn = generator(key, _OF_BIASES).uniform(-BIAS_BOUND, BIAS_BOUND, len(means))
    layer.weight.mul_(enlarged)
    layer.hidden_bias.mul_(enlarged)
    layer.hidden_bias.add_(torch.from_numpy(drawn.astype(np.float32)).to(layer.hidden_bias))
