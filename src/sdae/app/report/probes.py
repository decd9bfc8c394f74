"""What each layer adds: how well two simple classifiers predict labels from its codes.

Axes: n rows, D columns: of the raw input or of a code.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.report.shown_rows import ReportRows
from sdae.app.report.stages import Networks, as_input, codes_of

MOST_ROWS = 2_000
LEAST_ROWS = 10
NEIGHBOURS = 5
_REGULARISATION = 0.1


@dataclass(frozen=True)
class Probe:
    """The accuracies of the two classifiers on one kind of input.

    Attributes
    ----------
    stage : str or None
        Stage after which the codes were made; None for the raw input.
    layer : int or None
        Layer of the codes; None for the raw input.
    linear, neighbours : float
        Accuracy of a logistic regression, and of a vote of the nearest rows.
    """

    stage: str | None
    layer: int | None
    linear: float
    neighbours: float


@dataclass(frozen=True)
class Probes:
    """All probes, and their numbers of rows.

    Attributes
    ----------
    n_fitted, n_held_out : int
        Rows that the classifiers were fitted on, and rows that they were tested on.
    """

    n_fitted: int
    n_held_out: int
    probes: tuple[Probe, ...]


def probe_layers(networks: Networks, rows: ReportRows, seed: int) -> Probes | None:
    """Probe the raw input and every code; None without labels or with too few rows."""
    fitted, held_out = rows.fitted.sample(MOST_ROWS, seed), rows.probed.sample(MOST_ROWS, seed)
    if fitted.y is None or held_out.y is None or min(len(fitted), len(held_out)) < LEAST_ROWS:
        return None
    if len(np.unique(fitted.y)) < 2:
        return None
    raw, raw_held_out = (as_input(networks.pretrained, part.x) for part in (fitted, held_out))
    probes = [Probe(None, None, *accuracies(raw, fitted.y, raw_held_out, held_out.y))]
    for stage, model in networks.stages():
        pairs = zip(codes_of(model, fitted.x), codes_of(model, held_out.x), strict=True)
        for layer, (h, h_held_out) in enumerate(pairs):
            probes.append(Probe(stage, layer, *accuracies(h, fitted.y, h_held_out, held_out.y)))
    return Probes(len(fitted), len(held_out), tuple(probes))


def accuracies(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    x_held_out: NDArray[np.float32],
    y_held_out: NDArray[np.int64],
) -> tuple[float, float]:
    """Fit both classifiers on rows (n, D) with labels (n,), and return their accuracies.

    The regression gets standardised columns, so it converges equally well on all inputs.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear: Any = make_pipeline(
        StandardScaler(), LogisticRegression(C=_REGULARISATION, max_iter=100)
    )
    neighbours: Any = KNeighborsClassifier(min(NEIGHBOURS, len(x)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # accurate enough for a probe
        warnings.filterwarnings("ignore", "The number of unique classes")  # labels are classes
        for reader in (linear, neighbours):
            reader.fit(x, y)
    right = (np.mean(reader.predict(x_held_out) == y_held_out) for reader in (linear, neighbours))
    share, share_of_neighbours = (float(value) for value in right)
    return share, share_of_neighbours
