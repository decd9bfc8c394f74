"""The tables of docs/tables.md that compare models, from the results of ``table_peers.py``."""

import statistics
from typing import Any

OURS, STOPPED, UNTRAINED = "SDAE", "SDAE, early_stopping", "SDAE, pretrain_epochs=0"
RIVALS = ("HistGradientBoosting", "linear", "RandomForest")
SIMPLE = "majority or mean"
MODELS = (OURS, STOPPED, UNTRAINED, *RIVALS, SIMPLE)


def peer_tables(result: dict[str, Any]) -> str:
    """Return the scores by table, the mean ranks, what pre-training gave, and the times."""
    return "\n\n".join(
        [_scores(result), _ranks(result), _pretraining(result), _seconds(result)],
    )


def cases(result: dict[str, Any]) -> dict[tuple[str, float], dict[str, dict[str, Any]]]:
    """Return the row of each model, by table and share of the labels: all labels first."""
    found: dict[tuple[str, float], dict[str, dict[str, Any]]] = {}
    for share in (1.0, 0.05):
        for row in result["rows"]:
            if row["share"] == share:
                found.setdefault((row["table"], share), {})[row["model"]] = row
    return found


def mean_ranks(result: dict[str, Any], share: float, ours: str) -> tuple[dict[str, float], int]:
    """Return the mean rank, from 1, of one of ours and of the rivals, and the number of tables."""
    ranks: dict[str, list[float]] = {model: [] for model in (ours, *RIVALS)}
    for (_, of), rows in cases(result).items():
        if of == share and ours in rows:
            means = {model: _mean(rows[model]) for model in ranks}
            for model, mean in means.items():
                better = sum(other > mean for other in means.values())
                equal = sum(other == mean for other in means.values())
                ranks[model].append(better + (equal + 1) / 2)
    return {model: statistics.mean(each) for model, each in ranks.items()}, len(ranks[ours])


def _scores(result: dict[str, Any]) -> str:
    lines = [
        f"| table, target, rows × columns | labels | {' | '.join(MODELS)} |",
        f"|---|---|{'---|' * len(MODELS)}",
    ]
    for (table, share), rows in cases(result).items():
        some = rows[OURS]
        n_rows, n_columns = some["shape"]
        best = max(round(_mean(row), 3) for row in rows.values())
        cells = [_cell(rows.get(model), best) for model in MODELS]
        labels = f"{some['labels']:,}, {100 * share:.0f} %"
        what = f"{table}, {some['target']}, {n_rows:,} × {n_columns}"
        lines.append(f"| {what} | {labels} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: dict[str, Any] | None, best: float) -> str:
    """Return mean and spread: errors of classes in percent, R² of numbers; the best in bold."""
    if row is None:
        return "–"
    mean, spread = _mean(row), statistics.stdev(row["scores"])
    if row["measure"] == "accuracy":
        shown, spread_shown = f"{100 * (1 - mean):.1f}", f"{100 * spread:.1f} %"
    else:
        number = f"{round(mean, 2) + 0.0:.2f}".replace("-", "−")  # no −0.00
        shown, spread_shown = f"R² {number}", f"{spread:.2f}"
    return f"{f'**{shown}**' if round(mean, 3) == best else shown} ± {spread_shown}"


def _ranks(result: dict[str, Any]) -> str:
    lines = [
        f"| mean rank, from 1 to 4 | tables | one of SDAE | {' | '.join(RIVALS)} |",
        f"|---|---|---|{'---|' * len(RIVALS)}",
    ]
    for share in (1.0, 0.05):
        for ours in (OURS, STOPPED) if share == 1 else (OURS,):
            ranks, n_tables = mean_ranks(result, share, ours)
            cells = [f"{ranks[model]:.2f}" for model in (ours, *RIVALS)]
            labels = "all labels" if share == 1 else f"{100 * share:.0f} % of the labels"
            lines.append(f"| {labels}, {ours} | {n_tables} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pretraining(result: dict[str, Any]) -> str:
    """Say on how many tables the default beat the same without pre-training."""
    parts = []
    for share in (1.0, 0.05):
        pairs = [
            (table, _mean(rows[OURS]), _mean(rows[UNTRAINED]))
            for (table, of), rows in cases(result).items()
            if of == share
        ]
        better = [table for table, ours, other in pairs if ours > other]
        labels = "all labels" if share == 1 else f"{100 * share:.0f} % of them"
        parts.append(f"with {labels} in {len(better)} of {len(pairs)} ({', '.join(better)})")
    return f"Pre-training raises the mean score {'; '.join(parts)}."


def _seconds(result: dict[str, Any]) -> str:
    """Say the median seconds of a fit with all labels, over all tables and splits."""
    times: dict[str, list[float]] = {model: [] for model in MODELS[:-1]}
    for (_, share), rows in cases(result).items():
        for model in times:
            if share == 1 and model in rows:
                times[model] += rows[model]["seconds"]
    shown = "; ".join(f"{model} {statistics.median(each):.2g} s" for model, each in times.items())
    return f"Median time of a fit with all labels, on a busy machine: {shown}."


def _mean(row: dict[str, Any]) -> float:
    return float(statistics.mean(row["scores"]))
