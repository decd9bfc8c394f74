"""Learning curves: the cost of each layer, the cost and the errors of the whole network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdae.app.plots.figure import new_figure
from sdae.core.errors import DataError
from sdae.train.history import FINETUNING, LADDER, PRETRAINING, EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curves_figure(records: Sequence[EpochRecord]) -> "Figure":
    """Draw the learning curves of a run, a panel per layer and two for the whole network.

    Raises
    ------
    DataError
        If there are no records.
    """
    if not records:
        raise DataError("The history has no records, so there are no curves to draw.")
    layers = sorted({r.layer for r in records if r.layer is not None})
    tuned = [record for record in records if record.stage in (FINETUNING, LADDER)]
    n_panels = len(layers) + 2 * bool(tuned)
    figure = new_figure(3.4 * n_panels, 3.2)
    panels = figure.subplots(1, n_panels, squeeze=False)[0]
    for axes, layer in zip(panels, layers, strict=False):
        costs = [r.cost for r in records if r.stage == PRETRAINING and r.layer == layer]
        _draw(axes, f"Layer {layer}: reconstruction cost", {"cost": costs})
    if tuned:
        _draw(
            panels[-2],
            f"{tuned[0].part}: cost",
            {"training": [r.cost for r in tuned]},
        )
        errors = {"validation": [_percent(r.validation_error) for r in tuned]}
        if any(r.test_error is not None for r in tuned):
            name = "test" if tuned[0].stage == LADDER else "test, at each new best"
            errors[name] = [_percent(r.test_error) for r in tuned]
        _draw(panels[-1], f"{tuned[0].part}: error in %", errors)
    return figure


def _draw(axes: "Axes", title: str, series: dict[str, list[float]]) -> None:
    from matplotlib.ticker import MaxNLocator

    for name, values in series.items():
        axes.plot(range(1, len(values) + 1), values, marker=".", label=name)
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, max(len(values) for values in series.values()) + 0.5)
    axes.grid(alpha=0.3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(series) > 1:
        axes.legend(fontsize=8)


def _percent(share: float | None) -> float:
    return float("nan") if share is None else 100 * share
