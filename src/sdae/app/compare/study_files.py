"""The files of a study: its table, its picture and its verdict, written from its cells."""

from collections.abc import Sequence
from pathlib import Path

from sdae.app.compare.result_cache import Cell
from sdae.app.compare.result_table import Line, best_models, table_lines, to_csv
from sdae.app.compare.statistics import (
    Comparison,
    compare_agreeing,
    compare_networks,
    sentence,
    shown_p,
)
from sdae.app.compare.study import BESIDE, FROM_ALL_ROWS, NETWORKS, RIDGE, TITLES
from sdae.app.plots.figure import write_png
from sdae.app.plots.label_curves import Point, label_curves_figure
from sdae.core.files import end_of, write_atomically

TABLE, FIGURE, VERDICT = "table.csv", "figure.png", "verdict.txt"
FILES = (TABLE, FIGURE, VERDICT)
_PLACES = {TITLES[model]: k for k, model in enumerate((*NETWORKS, *BESIDE, *FROM_ALL_ROWS))}
"""The style of a model in the picture, whichever others are in it."""
_PLACES[TITLES[RIDGE]] = _PLACES[TITLES["logistic"]]


def verdict_of(cells: Sequence[Cell]) -> str:
    """Return the verdict of a study in one sentence."""
    return sentence(compare_networks(cells), len({cell.seed for cell in cells}))


def details(cells: Sequence[Cell]) -> list[str]:
    """Return the lines below the verdict: one per number of labels."""
    best = {line.labels: line for line in best_models(table_lines(cells))}
    lines = []
    for each in compare_networks(cells):
        lowest = best[each.labels]
        lines.append(
            f"{_detail(each)} Lowest mean error: {TITLES[lowest.model]}, "
            f"{100 * lowest.error.mean:.1f} %."
        )
    return lines


def verdict_with_agreement(cells: Sequence[Cell]) -> list[str]:
    """Return the same of the networks that agree: a sentence, and a line per number of labels.

    There are none where a study does not have both.
    """
    found = compare_agreeing(cells)
    if not found:
        return []
    said = sentence(found, len({cell.seed for cell in cells}))
    said = f"With agreement on the rows without labels: {said[0].lower()}{said[1:]}"
    return [said, *map(_detail, found)]


def _detail(each: Comparison) -> str:
    mean, low, high = (100 * v for v in (each.gain.mean, each.gain.low, each.gain.high))
    return (
        f"{each.labels:,} labels: {each.verdict}. Error from random weights minus error "
        f"pre-trained: {mean:+.2f} points (95 %: {low:+.2f} to {high:+.2f}; "
        f"{shown_p(each.p_holm)} after Holm's correction)."
    )


def write_table_and_verdict(cells: Sequence[Cell], folder: Path) -> None:
    """Write ``table.csv`` and ``verdict.txt``."""
    write_atomically(end_of(folder / TABLE), to_csv(table_lines(cells)))
    lines = [verdict_of(cells), "", *details(cells), ""]
    agreeing = verdict_with_agreement(cells)
    if agreeing:
        lines += [agreeing[0], "", *agreeing[1:], ""]
    text = "\n".join(lines)
    write_atomically(end_of(folder / VERDICT), text.encode())


def draw(cells: Sequence[Cell], name: str, folder: Path) -> None:
    """Draw ``figure.png``.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    lines = table_lines(cells)
    n_seeds = len({cell.seed for cell in cells})
    title = f"{name}: means of {n_seeds} splits, 95 % intervals"
    figure = label_curves_figure(curves_of(lines), title, cells[0].n_pool, _PLACES)
    write_png(figure, end_of(folder / FIGURE))


def curves_of(lines: Sequence[Line]) -> dict[str, list[Point]]:
    """Return the points of each model, by its title."""
    curves: dict[str, list[Point]] = {}
    for line in lines:
        point = Point(line.labels, line.error.mean, line.error.low, line.error.high)
        curves.setdefault(TITLES[line.model], []).append(point)
    return curves
