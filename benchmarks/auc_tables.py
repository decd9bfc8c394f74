"""The table of docs/few-labels.md on AUC, from the results of ``few_labels_auc.py``."""

import statistics
from typing import Any

NEW = "SDAE"


def auc_tables(result: dict[str, Any]) -> str:
    """Return the AUC by table, share of the labels and model, and the mean ranks."""
    models = list(dict.fromkeys(row["model"] for row in result["rows"]))
    lines = [
        f"| AUC, %, mean of {result['splits']} divisions | labels | {' | '.join(models)} |",
        f"|---|---|{'---|' * len(models)}",
    ]
    for (table, share), rows in _cases(result).items():
        means = {model: 100 * statistics.mean(row["auc"]) for model, row in rows.items()}
        best = max(round(mean, 1) for mean in means.values())
        cells = [_cell(means.get(model), best) for model in models]
        some = rows[NEW]
        n_rows, n_columns = some["shape"]
        labels = f"{some['labels']:,}, {100 * share:.0f} %"
        what = f"{table}, {some['target']}, {n_rows:,} × {n_columns}"
        lines.append(f"| {what} | {labels} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_ranks(result)])


def mean_ranks(result: dict[str, Any], share: float, models: list[str]) -> dict[str, float]:
    """Return the mean rank, from 1, of some models among each other by mean AUC."""
    ranks: dict[str, list[float]] = {model: [] for model in models}
    for (_, of), rows in _cases(result).items():
        if of == share and set(models) <= set(rows):
            means = {model: statistics.mean(rows[model]["auc"]) for model in models}
            for model, mean in means.items():
                better = sum(other > mean for other in means.values())
                equal = sum(other == mean for other in means.values())
                ranks[model].append(better + (equal + 1) / 2)
    return {model: statistics.mean(each) for model, each in ranks.items() if each}


def _cases(result: dict[str, Any]) -> dict[tuple[str, float], dict[str, dict[str, Any]]]:
    """Return the row of each model, by table and share, where our defaults were measured."""
    found: dict[tuple[str, float], dict[str, dict[str, Any]]] = {}
    for row in result["rows"]:
        found.setdefault((row["table"], row["share"]), {})[row["model"]] = row
    return {case: rows for case, rows in found.items() if NEW in rows}


def _ranks(result: dict[str, Any]) -> list[str]:
    """Say the mean ranks of the models that were measured at a share, a line for each share."""
    lines = []
    for share in sorted({share for _, share in _cases(result)}):
        cases = [rows for (_, of), rows in _cases(result).items() if of == share]
        models = [model for model in cases[0] if all(model in rows for rows in cases)]
        ranks = mean_ranks(result, share, models)
        shown = "; ".join(f"{model} {rank:.2f}" for model, rank in ranks.items())
        what = "all labels" if share == 1 else f"{100 * share:.0f} % of the labels"
        lines.append(f"Mean rank with {what}, {len(cases)} tables: {shown}.")
    return lines


def _cell(mean: float | None, best: float) -> str:
    if mean is None:
        return "–"
    return f"**{mean:.1f}**" if round(mean, 1) == best else f"{mean:.1f}"
