"""The table of docs/estimators.md on wide networks and their learning rate."""

from typing import Any

from regression_tables import mean_over

KINDS = {
    "columns": "{} tables of many columns",
    "units": "{} tables of classes",
    "values": "{} tables of values",
    "pixels": "MNIST",
}
WAYS = ("fixed", "auto", "perceptron")
Rows = list[dict[str, Any]]


def wide_networks(result: dict[str, Any]) -> str:
    """Return the mean scores at either rate, by data, units and number of labels."""
    lines = [
        "| data | units | labels | measure | at 0.005 | by the rule | scikit-learn's perceptron |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, title in KINDS.items():
        groups: dict[tuple[tuple[int, ...], int], Rows] = {}
        for row in result[kind]:
            groups.setdefault((tuple(row["units"]), row["labels"]), []).append(row)
        for (units, n_labels), rows in groups.items():
            name = title.format(len({row["data"] for row in rows}))
            sizes = ", ".join(map(str, units))
            for measure, words in _measures(kind):
                cells = " | ".join(f"{_mean(rows, way, measure):.3f}" for way in WAYS)
                lines.append(f"| {name} | {sizes} | {n_labels:,} | {words} | {cells} |")
    return "\n".join(lines)


def _measures(kind: str) -> tuple[tuple[str, str], ...]:
    if kind == "values":
        return (("r2", "R²"),)
    return (("accuracy", "accuracy"), ("loss", "loss"))


def _mean(rows: Rows, way: str, measure: str) -> float:
    return mean_over((row["data"], row["scores"][way][measure]) for row in rows)
