"""The files of a study: its table, its picture and its verdict, written from its cells."""

from collections.abc import Sequence
from pathlib import Path

from sdae.app.compare.result_cache import Cell
from sdae.app.compare.result_table import Line, best_models, table_lines, to_csv
from sdae.app.compare.statistics import compare_networks, sentence, shown_p
from sdae.app.compare.study import TITLES
from sdae.app.plots.figure import write_png
from sdae.app.plots.label_curves import Point, label_curves_figure
from sdae.core.files import end_of, write_atomically

TABLE, FIGURE, VERDICT = "table.csv", "figure.png", "verdict.txt"
FILES = (TABLE, FIGURE, VERDICT)


def verdict_of(cells: Sequence[Cell]) -> str:
    """Return the verdict of a study in one sentence."""
    return sentence(compare_networks(cells), len({cell.seed for cell in cells}))


def details(cells: Sequence[Cell]) -> list[str]:
    """Return the lines below the verdict: one per number of labels."""
    best = {line.labels: line for line in best_models(table_lines(cells))}
    told = []
    for each in compare_networks(cells):
        mean, low, high = (100 * v for v in (each.gain.mean, each.gain.low, each.gain.high))
        lowest = best[each.labels]
        told.append(
            f"{each.labels:,} labels: {each.verdict}. Error from random weights minus error "
            f"pre-trained: {mean:+.2f} points (95 %: {low:+.2f} to {high:+.2f}; "
            f"{shown_p(each.p_holm)} after Holm's correction). Lowest mean error: "
            f"{TITLES[lowest.model]}, {100 * lowest.error.mean:.1f} %."
        )
    return told


def write_table_and_verdict(cells: Sequence[Cell], folder: Path) -> None:
    """Write ``table.csv`` and ``verdict.txt``."""
    write_atomically(end_of(folder / TABLE), to_csv(table_lines(cells)))
    text = "\n".join([verdict_of(cells), "", *details(cells), ""])
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
    figure = label_curves_figure(
        curves_of(lines), f"{name}: means of {n_seeds} splits, 95 % bands", cells[0].n_pool
    )
    write_png(figure, end_of(folder / FIGURE))


def curves_of(lines: Sequence[Line]) -> dict[str, list[Point]]:
    """Return the points of each model, by its title."""
    curves: dict[str, list[Point]] = {}
    for line in lines:
        point = Point(line.labels, line.error.mean, line.error.low, line.error.high)
        curves.setdefault(TITLES[line.model], []).append(point)
    return curves
