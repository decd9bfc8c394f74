"""Small charts as SVG text for a page, in the text colour of the page, light or dark.

Every function takes numbers and returns the markup of one ``<svg>``. All texts are the package's
own: labels and column names are not drawn, since matplotlib could interpret them.
"""

import io
import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdae.app.plots.figure import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Both are visible on light and dark backgrounds, and differ for colour-blind readers.
COLOURS = ("#2f7ec4", "#c2571a")
_STYLES = ("-", "--")
_INK = "#010203"  # placeholder for the text colour of the page
_WIDTH, _HEIGHT = 4.0, 2.8
_MARKED_POINTS = 40
_SPACES = re.compile(r"\s+")
_UNWANTED = tuple(
    re.compile(pattern)
    for pattern in (
        r"<style.*?</style>",  # rules that would apply to the whole page
        r' (?:width|height)="[\d.]+pt"| version="[^"]*"| xmlns:xlink="[^"]*"',
        r' id="(?![pm][0-9a-f]{10}")[^"]*"',  # ids of groups, which are not referenced
        r" font-family: [^;\"]*;",
    )
)


def curve_svg(
    series: Mapping[str, Sequence[float]], seconds: Sequence[float], ylabel: str, salt: str
) -> str:
    """Draw numbers per epoch, with the elapsed time above.

    Parameters
    ----------
    series : mapping of str to sequence of float
        Numbers per epoch, by name; NaN leaves a gap.
    seconds : sequence of float
        Seconds of each epoch.
    ylabel, salt : str
        Name of the numbers; text that makes the ids of the chart unique.
    """
    figure, axes = _axes("epoch", ylabel)
    for (name, values), style in zip(series.items(), _styles(), strict=False):
        epochs = np.arange(1, len(values) + 1)
        marker = "." if np.isfinite(values).sum() <= _MARKED_POINTS else None
        axes.plot(epochs, values, style[0], color=style[1], marker=marker, label=name)
    _whole_numbers(axes)
    _add_time(axes, seconds)
    return _finish(figure, axes, salt, legend=len(series) > 1)


def histogram_svg(
    edges: NDArray[np.float64], shares: Mapping[str, NDArray[np.float64]], xlabel: str, salt: str
) -> str:
    """Draw shares (K,) of values between edges (K + 1,), on a logarithmic scale."""
    figure, axes = _axes(xlabel, "share of values")
    for (name, values), style in zip(shares.items(), _styles(), strict=False):
        seen = np.where(values > 0, values, np.nan)
        axes.stairs(seen, edges, color=style[1], linestyle=style[0], linewidth=1.5, label=name)
    axes.set_yscale("log")
    return _finish(figure, axes, salt, legend=len(shares) > 1)


def spectrum_svg(values: Mapping[str, NDArray[np.float64]], salt: str) -> str:
    """Draw singular values, the largest first."""
    figure, axes = _axes("rank", "singular value")
    for (name, spectrum), style in zip(values.items(), _styles(), strict=False):
        ranks = np.arange(1, len(spectrum) + 1)
        axes.plot(ranks, spectrum, style[0], color=style[1], label=name)
    axes.set_ylim(bottom=0)
    _whole_numbers(axes)
    return _finish(figure, axes, salt, legend=len(values) > 1)


def calibration_svg(
    confidence: Sequence[float], accuracy: Sequence[float], sizes: Sequence[int], salt: str
) -> str:
    """Draw accuracy against confidence; larger dots stand for more rows."""
    figure, axes = _axes("confidence", "accuracy")
    axes.plot([0, 1], [0, 1], "-", color=_INK, alpha=0.4, linewidth=1)
    axes.plot(confidence, accuracy, "-", color=COLOURS[0], linewidth=1)
    areas = 20 + 180 * np.asarray(sizes, np.float64) / max(1, *sizes)
    axes.scatter(confidence, accuracy, areas, color=COLOURS[0], alpha=0.8)
    axes.set_xlim(-0.05, 1.05)
    axes.set_ylim(-0.05, 1.05)
    return _finish(figure, axes, salt, legend=False)


def scatter_svg(known: NDArray[np.float64], predicted: NDArray[np.float64], salt: str) -> str:
    """Draw predictions against values, (n,) and (n,), with the line on which they are equal."""
    figure, axes = _axes("value", "predicted")
    low, high = float(known.min()), float(known.max())
    axes.plot([low, high], [low, high], "-", color=_INK, alpha=0.4, linewidth=1)
    axes.scatter(known, predicted, 12, color=COLOURS[0], alpha=0.5, linewidths=0)
    return _finish(figure, axes, salt, legend=False)


def _axes(xlabel: str, ylabel: str) -> "tuple[Figure, Axes]":
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.25, color=_INK)
    return figure, axes


def _styles() -> "cycle[tuple[str, str]]":
    return cycle(zip(_STYLES, COLOURS, strict=True))


def _whole_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _add_time(axes: "Axes", seconds: Sequence[float]) -> None:
    """Write the elapsed time above some epochs."""
    passed = np.cumsum(seconds)
    n_epochs = len(passed)
    epochs = sorted({1 + (n_epochs - 1) * step // 3 for step in range(4)})
    above = axes.twiny()
    above.set_xlim(axes.get_xlim())
    long = passed[-1] >= 120
    times = [passed[epoch - 1] / (60 if long else 1) for epoch in epochs]
    above.set_xticks(epochs, [f"{time:.3g}" for time in times])
    above.set_xlabel("minutes" if long else "seconds")
    _ink(above)


def _finish(figure: "Figure", axes: "Axes", salt: str, *, legend: bool) -> str:
    _ink(axes)
    if legend:
        axes.legend(fontsize=9, framealpha=0, labelcolor=_INK)
    return _svg(figure, salt)


def _ink(axes: "Axes") -> None:
    axes.set_facecolor("none")
    axes.tick_params(which="both", colors=_INK)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(_INK)


def _svg(figure: "Figure", salt: str) -> str:
    """Return the markup: text as text, unique ids, proportions but no size."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    markup = buffer.getvalue()
    markup = markup[markup.index("<svg") :].replace(_INK, "currentColor")
    for unwanted in _UNWANTED:
        markup = unwanted.sub("", markup)
    return _SPACES.sub(" ", markup).replace("xlink:href", "href").strip()
