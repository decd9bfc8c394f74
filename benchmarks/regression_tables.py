"""The table of docs/estimators.md on regressions by the number of labels."""

import statistics
from collections.abc import Iterable
from typing import Any

LOWEST = -1.0  # of R²: a table on which a model fails counts no more than this


def regressions(result: dict[str, Any]) -> str:
    """Return the mean R² over tables of each way, by kind of table and number of labels."""
    rows = result["rows"]
    ways = list(rows[0]["r2"])
    lines = [
        f"| tables | labels | how many | {' | '.join(ways)} |",
        f"|---|---|---|{'---|' * len(ways)}",
    ]
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["labels"]), []).append(row)
    for (kind, n_labels), some in sorted(groups.items()):
        n_tables = len({row["table"] for row in some})
        cells = " | ".join(f"{_mean(some, way):.2f}" for way in ways)
        lines.append(f"| {kind} | {n_labels:,} | {n_tables} | {cells} |")
    return "\n".join(lines)


def _mean(rows: list[dict[str, Any]], way: str) -> float:
    return mean_over((row["table"], row["r2"][way]) for row in rows)


def mean_over(scores: Iterable[tuple[str, float]]) -> float:
    """Return the mean over tables of their means over divisions, by name and score."""
    by_table: dict[str, list[float]] = {}
    for name, score in scores:
        by_table.setdefault(name, []).append(score)
    return statistics.mean(max(LOWEST, statistics.mean(each)) for each in by_table.values())
