"""The table of docs/estimators.md on what the bending of the first layer does."""

from typing import Any

from regression_tables import mean_over


def bent_layers(result: dict[str, Any]) -> str:
    """Return the mean scores with and without, by data and number of labels."""
    lines = [
        "| data | labels | measure | straight | bent | scikit-learn's perceptron |",
        "|---|---|---|---|---|---|",
    ]
    shapes: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in result["shapes"]:
        shapes.setdefault((row["data"], row["labels"]), []).append(row)
    for (name, n_labels), rows in shapes.items():
        is_class = name.startswith(("two", "four"))
        lines.append(_line(name, n_labels, "accuracy" if is_class else "R²", rows, "score"))
    for kind, measure, title in (
        ("classes", "accuracy", "accuracy"),
        ("classes", "auc", "AUC"),
        ("values", "r2", "R²"),
    ):
        groups: dict[int, list[dict[str, Any]]] = {}
        for row in result[kind]:
            if all(measure in scores for scores in row["scores"].values()):
                groups.setdefault(row["labels"], []).append(row)
        for n_labels, rows in sorted(groups.items()):
            name = f"{len({row['data'] for row in rows})} tables of {kind}"
            lines.append(_line(name, n_labels, title, rows, measure))
    return "\n".join(lines)


def _line(name: str, n_labels: int, title: str, rows: list[dict[str, Any]], measure: str) -> str:
    cells = [
        f"{_mean(rows, way, measure):.3f}" if way in rows[0]["scores"] else "–"
        for way in ("straight", "bent", "perceptron")
    ]
    return f"| {name} | {n_labels:,} | {title} | {' | '.join(cells)} |"


def _mean(rows: list[dict[str, Any]], way: str, measure: str) -> float:
    return mean_over((row["data"], row["scores"][way][measure]) for row in rows)
