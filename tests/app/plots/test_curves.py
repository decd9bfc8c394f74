"""Learning curves: a panel per layer, and two for fine-tuning."""

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

from sdae.app.plots.curves import curves_figure
from sdae.core.errors import DataError
from sdae.train.history import EpochRecord

BLANK = EpochRecord("pretraining", 0, 1, 0.0, None, None, 0.1, 1.0, 10.0, "autograd")


def layer(number: int, *costs: float) -> list[EpochRecord]:
    return [
        replace(BLANK, layer=number, epoch=epoch, cost=cost)
        for epoch, cost in enumerate(costs, start=1)
    ]


def tuned(*epochs: tuple[float, float | None, float | None]) -> list[EpochRecord]:
    return [
        replace(
            BLANK,
            stage="finetuning",
            layer=None,
            epoch=epoch,
            cost=cost,
            validation_error=validation,
            test_error=test,
        )
        for epoch, (cost, validation, test) in enumerate(epochs, start=1)
    ]


def lines(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    return {
        str(line.get_label()): [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]
        for line in axes.lines
    }


def test_each_layer_has_a_panel_of_its_costs() -> None:
    figure = curves_figure([*layer(0, 9.0, 5.0, 4.0), *layer(1, 3.0, 2.5)])
    assert [axes.get_title() for axes in figure.axes] == [
        "Layer 0: reconstruction cost",
        "Layer 1: reconstruction cost",
    ]
    assert lines(figure.axes[0]) == {"cost": [(1, 9), (2, 5), (3, 4)]}
    assert lines(figure.axes[1]) == {"cost": [(1, 3), (2, 2.5)]}
    for axes, end in zip(figure.axes, (3.5, 2.5), strict=True):
        assert axes.get_xlabel() == "epoch"
        assert axes.get_xlim() == (0.5, end)
        assert axes.get_legend() is None


def test_fine_tuning_has_a_panel_for_its_cost_and_one_for_its_errors() -> None:
    records = [*layer(0, 9.0), *tuned((0.7, 0.5, 0.25), (0.6, 0.75, None), (0.5, 0.25, 0.125))]
    figure = curves_figure(records)
    assert [axes.get_title() for axes in figure.axes] == [
        "Layer 0: reconstruction cost",
        "Fine-tuning: cost",
        "Fine-tuning: error in %",
    ]
    assert lines(figure.axes[1]) == {"training": [(1, 0.7), (2, 0.6), (3, 0.5)]}
    errors = lines(figure.axes[2])
    assert list(errors) == ["validation", "test, at each new best"]
    assert errors["validation"] == [(1, 50), (2, 75), (3, 25)]
    first, gap, last = errors["test, at each new best"]
    assert (first, last) == ((1, 25), (3, 12.5))
    assert math.isnan(gap[1])
    legend = figure.axes[2].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(errors)


def test_without_test_rows_only_validation_is_drawn() -> None:
    figure = curves_figure(tuned((0.7, 0.5, None)))
    assert len(figure.axes) == 2
    assert list(lines(figure.axes[1])) == ["validation"]


def test_a_history_without_records_is_told() -> None:
    with pytest.raises(DataError, match=r"history has no records, so there are no curves to draw"):
        curves_figure([])
