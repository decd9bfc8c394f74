"""Error against the number of labels: a line per model with confidence intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdae.app.plots.figure import new_figure
from sdae.core.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The first two are the main subject: one colour, solid and dashed. So are the two after the others.
_STYLES: tuple[Mapping[str, Any], ...] = (
    {"color": "#c2410c", "linewidth": 2.2},
    {"color": "#c2410c", "linestyle": "--", "linewidth": 1.6},
    {"color": "#475569"},
    {"color": "#0f766e"},
    {"color": "#4338ca"},
    {"color": "#a16207"},
    {"color": "#be185d", "linewidth": 2.2, "marker": "s"},
    {"color": "#be185d", "linestyle": "--", "linewidth": 1.6, "marker": "s"},
    {"color": "#64748b", "linestyle": "-.", "marker": "^"},
    {"color": "#0284c7", "linestyle": "-.", "marker": "v"},
    {"color": "#65a30d", "linestyle": "-.", "marker": "D"},
)
_FEW = 8
"""With more lines than these, their bands would hide each other: their ends are drawn alone."""


@dataclass(frozen=True)
class Point:
    """An error, as a share, with its confidence interval, at a number of labels."""

    labels: int
    error: float
    low: float
    high: float


def label_curves_figure(
    curves: Mapping[str, Sequence[Point]],
    title: str,
    n_all: int | None = None,
    places: Mapping[str, int] | None = None,
) -> "Figure":
    """Draw the error of models against the number of labelled rows.

    Parameters
    ----------
    curves : mapping of str to sequence of Point
        Points by model name, in the order of the legend.
    title : str
        Title above the picture.
    n_all : int or None
        The number of labels that is written as ``all`` on the axis.
    places : mapping of str to int, or None
        Which of the 11 styles a model has; None: in their order.

    Raises
    ------
    DataError
        If there are no points.
    """
    if not any(curves.values()):
        raise DataError("A picture needs at least one result. Got none.")
    many = len(curves) > _FEW
    figure = new_figure(10.4, 5.4) if many else new_figure(7.2, 4.4)
    axes = figure.add_subplot()
    numbers = sorted({point.labels for points in curves.values() for point in points})
    for place, (name, points) in enumerate(curves.items()):
        number = place if places is None else places[name]
        style = {"marker": "o", **_STYLES[number % len(_STYLES)]}
        x = [point.labels for point in points]
        low, high = ([100 * value for value in values] for values in _bounds(points))
        axes.plot(x, [100 * p.error for p in points], markersize=4, label=name, **style)
        if not many:
            axes.fill_between(x, low, high, color=style["color"], alpha=0.12, linewidth=0)
        beside = [number * 1.025 ** (place - (len(curves) - 1) / 2) for number in x]
        axes.vlines(beside, low, high, color=style["color"], linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(numbers[0] / 1.25, numbers[-1] * 1.25)
    axes.set_ylim(bottom=0)
    named = [f"all {n:,}" if n == n_all else f"{n:,}" for n in numbers]
    axes.set_xticks(numbers, named, minor=False)
    axes.minorticks_off()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("labelled rows")
    axes.set_ylabel("error on the test rows, %")
    axes.grid(axis="y", color="#e2e8f0")
    axes.spines[["top", "right"]].set_visible(False)
    beside_all: Mapping[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    axes.legend(frameon=False, fontsize=8, **(beside_all if many else {}))
    return figure


def _bounds(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Return the bounds of the band; clipped at 0, since an error cannot be negative."""
    return [max(0.0, p.low) for p in points], [min(1.0, p.high) for p in points]
