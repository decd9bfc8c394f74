"""The picture of errors by label count: lines, bands, and the names on the axis."""

from typing import Any

import numpy as np
import pytest

from sdae.app.plots.label_curves import Point, label_curves_figure
from sdae.core.errors import DataError

CURVES = {
    "ours": [Point(50, 0.2, -0.05, 0.45), Point(1000, 0.1, 0.05, 0.15)],
    "other": [Point(50, 0.3, 0.25, 0.35)],
}


def test_each_model_has_a_line_with_a_band_in_per_cent() -> None:
    (axes,) = label_curves_figure(CURVES, "flowers", n_all=1000).axes
    ours, other = axes.lines
    assert ours.get_xydata().tolist() == [[50, 20], [1000, 10]]  # type: ignore[union-attr]
    assert other.get_xydata().tolist() == [[50, 30]]  # type: ignore[union-attr]
    bands = [np.asarray(path.vertices) for path in axes.collections[0].get_paths()]
    assert bands[0][:, 1].min() == 0  # an error is not below 0
    assert bands[0][:, 1].max() == pytest.approx(45)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["ours", "other"]  # type: ignore[union-attr]
    assert axes.get_title() == "flowers"


def test_the_axis_is_logarithmic_and_names_the_counts() -> None:
    (axes,) = label_curves_figure(CURVES, "flowers", n_all=1000).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [50, 1000]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "all 1,000"]


def test_a_single_count_can_be_drawn_too() -> None:
    (axes,) = label_curves_figure({"other": CURVES["other"]}, "flowers").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50"]
    assert axes.collections[1].get_segments() != []  # type: ignore[attr-defined]


def looks_of(line: Any) -> tuple[str, str, str]:
    return line.get_color(), line.get_linestyle(), line.get_marker()


def test_eleven_lines_differ_and_have_intervals_without_bands() -> None:
    curves = {str(k): [Point(50, 0.1, 0.05, 0.2), Point(99, 0.1, 0.05, 0.2)] for k in range(11)}
    (axes,) = label_curves_figure(curves, "all").axes
    looks = [looks_of(line) for line in axes.lines]
    assert len(set(looks)) == 11
    assert len(axes.collections) == 11
    few = {name: curves[name] for name in ("7", "2")}
    (axes,) = label_curves_figure(few, "two", places={"7": 7, "2": 2}).axes
    assert [looks_of(line) for line in axes.lines] == [looks[7], looks[2]]
    assert len(axes.collections) == 4


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(DataError, match="at least one result"):
        label_curves_figure({"ours": []}, "flowers")
