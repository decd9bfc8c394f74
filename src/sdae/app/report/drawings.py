"""Charts and pictures of a report, each with an alternative text.

Axes: n rows, V columns, F units, C classes.
"""

import base64
import math

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sdae.app.plots.filters import tile_images
from sdae.app.plots.images import grey_png, shrunk, side_by_side
from sdae.app.plots.inline import (
    calibration_svg,
    curve_svg,
    histogram_svg,
    scatter_svg,
    spectrum_svg,
)
from sdae.app.report.answers import Answers
from sdae.app.report.gallery import Gallery, Step
from sdae.app.report.layers import LayerFacts
from sdae.app.report.page_words import counted, number, percent
from sdae.app.report.training_curves import Curve
from sdae.app.report.value_answers import TargetAnswers
from sdae.train.history import LADDER

_MOST_PIXELS = 64  # on a side of an image
_STAGE_NAMES = {
    "pretraining": "after pre-training",
    "finetuning": "after fine-tuning",
    "ladder": "after training",
}

Shape = tuple[int, int]


def curve_charts(curve: Curve, *, of_values: bool = False) -> list[Markup]:
    """Draw the cost of each epoch, and the errors where there are any.

    `of_values`: the network learned the values of a regression.
    """
    name = curve.name
    cost = "reconstruction cost"
    if curve.stage == LADDER:
        cost = "cost of labels and reconstruction"
    elif curve.layer is None:
        cost = "half the squared error" if of_values else "negative log-likelihood"
    alternative = (
        f"{name}: the {cost} goes from {number(curve.costs[0])} in epoch 1 to "
        f"{number(curve.costs[-1])} in epoch {len(curve.costs)}."
    )
    charts = [chart(curve_svg({"cost": curve.costs}, curve.seconds, cost, name), alternative)]
    of_test = "test" if curve.stage == LADDER else "test, at each new best"
    errors = {
        "validation": _percents(curve.validation_errors),
        of_test: _percents(curve.test_errors),
    }
    known = {kind: values for kind, values in errors.items() if not all(map(math.isnan, values))}
    if known:
        said = "; ".join(
            f"{kind} lowest {number(float(np.nanmin(values)))} %" for kind, values in known.items()
        )
        unit = "error in % of the variance" if of_values else "error in %"
        svg = curve_svg(known, curve.seconds, unit, f"{name} errors")
        charts.append(chart(svg, f"{name}: errors of each epoch, {said}."))
    return charts


def histogram_chart(layer: LayerFacts) -> Markup | None:
    """Draw the distribution of the values of a layer's codes."""
    if not layer.codes:
        return None
    shares = {_STAGE_NAMES[stage]: facts.shares for stage, facts in layer.codes.items()}
    said = ", ".join(
        f"{percent(facts.dead, 1)} of the units dead {_STAGE_NAMES[stage]}"
        for stage, facts in layer.codes.items()
    )
    svg = histogram_svg(layer.edges, shares, "value of a unit", f"histogram {layer.number}")
    low, high = number(float(layer.edges[0])), number(float(layer.edges[-1]))
    return chart(
        svg, f"Histogram of the codes of layer {layer.number}, from {low} to {high}: {said}."
    )


def spectrum_chart(layer: LayerFacts) -> Markup:
    """Draw the singular values of a layer's weight."""
    values = {_STAGE_NAMES[stage]: values for stage, values in layer.singular_values.items()}
    said = ", ".join(
        f"from {number(float(spectrum[0]))} to {number(float(spectrum[-1]))} {stage}"
        for stage, spectrum in values.items()
    )
    svg = spectrum_svg(values, f"spectrum {layer.number}")
    n_values = len(next(iter(values.values())))
    return chart(
        svg, f"The {n_values:,} singular values of the weight of layer {layer.number}: {said}."
    )


def calibration_chart(answers: Answers) -> Markup:
    """Draw confidence against accuracy."""
    bins = answers.bins
    said = "; ".join(
        f"at {percent(b.confidence, 0)} {percent(b.accuracy, 0)} of {counted(b.n_rows, 'row')}"
        for b in bins
    )
    svg = calibration_svg(
        [b.confidence for b in bins],
        [b.accuracy for b in bins],
        [b.n_rows for b in bins],
        "calibration",
    )
    return chart(svg, f"Calibration, confidence and accuracy: {said}.")


def scatter_chart(target: TargetAnswers) -> Markup:
    """Draw predictions against values."""
    r2 = target.scores.r2
    said = "" if r2 is None else f"; R² is {r2:.4f}"
    svg = scatter_svg(target.known, target.predicted, f"scatter {target.name}")
    return chart(svg, f"Predictions against values, {counted(len(target.known), 'row')}{said}.")


def filters_picture(layer: LayerFacts, shape: Shape) -> Markup:
    """Draw the preferred inputs of units as images, each stretched from black to white."""
    rows, shape = shrunk(layer.favourites, shape, _MOST_PIXELS)
    what = "the weights" if layer.number == 0 else "the preferred inputs"
    return picture(
        grey_png(tile_images(rows, shape)),
        f"Grid of {what} of {counted(len(rows), 'unit')} of layer {layer.number}, as images.",
        "filters",
    )


def gallery_strips(gallery: Gallery, step: Step, shape: Shape) -> list[tuple[str, Markup]]:
    """Draw each form of the rows of a step as one line of images; return them with their names."""
    low, high = _range(gallery)
    n_rows = len(gallery.part)
    strips = []
    for version in step.versions:
        rows, small = shrunk(version.rows, shape, _MOST_PIXELS)
        pixels = side_by_side(rows, small, n_rows, gap=high)
        alternative = (
            f"{counted(n_rows, 'row')} as images, {version.name}, with noise {step.words}; mean "
            f"squared difference from the input {number(version.error)}."
        )
        strips.append((version.name, picture(grey_png(pixels, low, high), alternative, "strip")))
    return strips


def row_picture(row: NDArray[np.float32], shape: Shape, alternative: str) -> Markup:
    """Draw one row (V,) as an image, from its darkest to its brightest value."""
    rows, small = shrunk(row[None, :], shape, _MOST_PIXELS)
    return picture(grey_png(tile_images(rows, small)), alternative, "row")


def confusion_picture(answers: Answers) -> Markup:
    """Draw the confusion matrix of many classes: the brighter, the larger the share of its row."""
    counts = answers.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (C, C)
    right = percent(1 - answers.error)
    return picture(
        grey_png(np.sqrt(shares).astype(np.float32)),
        f"Confusion matrix of {len(counts):,} classes, labels down and predictions across: "
        f"{right} of the rows are on the diagonal.",
        "confusion",
    )


def chart(svg: str, alternative: str) -> Markup:
    """Add an alternative text to the markup of a chart."""
    head = Markup('<svg class="chart" role="img" aria-label="{}"').format(alternative)
    return head + Markup(svg.removeprefix("<svg"))


def picture(png: bytes, alternative: str, kind: str) -> Markup:
    """Return an embedded image with its alternative text."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return Markup('<img class="{}" src="{}" alt="{}">').format(kind, source, alternative)


def _range(gallery: Gallery) -> tuple[float, float]:
    clean = gallery.part.x
    return float(clean.min()), float(clean.max())


def _percents(errors: tuple[float | None, ...]) -> list[float]:
    return [math.nan if error is None else 100 * error for error in errors]
