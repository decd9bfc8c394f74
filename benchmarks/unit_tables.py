"""The table of docs/estimators.md on columns whose values lie in [0, 1]."""

from typing import Any

from regression_tables import mean_over

KINDS = {"classes": ("{} tables of classes", "accuracy"), "values": ("{} tables of values", "R²")}
WAYS = ("before", "left", "now")


def unit_columns(result: dict[str, Any]) -> str:
    """Return the mean scores of each way, by data and number of labels."""
    lines = [
        "| data | labels | measure | as they are, the whole penalty | as they are | by the rule |",
        "|---|---|---|---|---|---|",
    ]
    for kind in ("classes", "values", "pixels"):
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for row in result[kind]:
            data = row["data"] if kind == "pixels" else kind
            groups.setdefault((data, row["labels"]), []).append(row)
        for (data, n_labels), rows in groups.items():
            title, measure = KINDS.get(kind, (data, "accuracy"))
            name = title.format(len({row["data"] for row in rows}))
            cells = " | ".join(f"{_mean(rows, way):.3f}" for way in WAYS)
            lines.append(f"| {name} | {n_labels:,} | {measure} | {cells} |")
    return "\n".join(lines)


def _mean(rows: list[dict[str, Any]], way: str) -> float:
    return mean_over((row["data"], row["scores"][way]["score"]) for row in rows)
