"""The table of a study: a line per number of labels and model, over all seeds; and its CSV."""

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sdae.app.compare.result_cache import Cell
from sdae.app.compare.statistics import (
    Comparison,
    Mean,
    compare_agreeing,
    compare_networks,
    corrected_mean,
)
from sdae.app.compare.study import AGREEMENT, PRETRAINED

HEADER = (
    "labels",
    "all_rows",
    "model",
    "seeds",
    "error",
    "error_low",
    "error_high",
    "gain",
    "gain_low",
    "gain_high",
    "p",
    "p_holm",
    "verdict",
    "fit_seconds",
    "fit_cpu_seconds",
    "tuning_seconds",
    "memory_mib",
)


@dataclass(frozen=True)
class Line:
    """One model at one number of labels.

    Attributes
    ----------
    labels : int
    all_rows : bool
        Whether all training rows are labelled.
    model : str
    n_seeds : int
    error : Mean
        Mean of the seeds' test errors, as shares.
    comparison : Comparison or None
        Comparison of a pre-trained network with the same one from random weights.
    fit_seconds, fit_cpu, tuning_seconds : float
        Medians over seeds. A fit of a pre-trained network includes all of pre-training, although
        the cells of a seed share it.
    memory : float or None
        Median of the peaks, in MiB.
    """

    labels: int
    all_rows: bool
    model: str
    n_seeds: int
    error: Mean
    comparison: Comparison | None
    fit_seconds: float
    fit_cpu: float
    tuning_seconds: float
    memory: float | None


def table_lines(cells: Sequence[Cell]) -> list[Line]:
    """Return the lines of a table, by number of labels, the models in the order of the cells."""
    comparisons = {
        (each.labels, model): each
        for model, found in (
            (PRETRAINED, compare_networks(cells)),
            (AGREEMENT, compare_agreeing(cells)),
        )
        for each in found
    }
    groups: dict[tuple[int, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.labels, cell.model), []).append(cell)
    return [
        _line(group, comparisons.get(key))
        for key, group in sorted(groups.items(), key=lambda item: item[0][0])
    ]


def _line(group: Sequence[Cell], comparison: Comparison | None) -> Line:
    first = group[0]
    memory = [cell.memory for cell in group if cell.memory is not None]
    return Line(
        labels=first.labels,
        all_rows=first.labels == first.n_pool,
        model=first.model,
        n_seeds=len(group),
        error=corrected_mean(
            [cell.error for cell in group],
            first.n_test,
            first.n_pool,
            of_values=first.of_values,
        ),
        comparison=comparison,
        fit_seconds=statistics.median(c.pretraining_seconds + c.fit_seconds for c in group),
        fit_cpu=statistics.median(c.pretraining_cpu + c.fit_cpu for c in group),
        tuning_seconds=statistics.median(cell.tuning_seconds for cell in group),
        memory=statistics.median(memory) / 2**20 if memory else None,
    )


def best_models(lines: Sequence[Line]) -> list[Line]:
    """Return the line of the lowest mean error at each number of labels."""
    best: dict[int, Line] = {}
    for line in lines:
        if line.labels not in best or line.error.mean < best[line.labels].error.mean:
            best[line.labels] = line
    return list(best.values())


def to_csv(lines: Sequence[Line]) -> bytes:
    """Return the table as CSV; errors and gains are shares, not percentages."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_values(line) for line in lines)
    return buffer.getvalue().encode()


def _values(line: Line) -> list[object]:
    compared: list[object] = [""] * 6
    if line.comparison is not None:
        gain, verdict = line.comparison.gain, line.comparison.verdict
        numbers = (gain.mean, gain.low, gain.high, gain.p, line.comparison.p_holm)
        compared = [*map(_number, numbers), verdict]
    error = line.error
    return [
        line.labels,
        "yes" if line.all_rows else "no",
        line.model,
        line.n_seeds,
        *map(_number, (error.mean, error.low, error.high)),
        *compared,
        *map(_number, (line.fit_seconds, line.fit_cpu, line.tuning_seconds)),
        "" if line.memory is None else _number(line.memory),
    ]


def _number(value: float) -> str:
    return f"{value:.6g}"
