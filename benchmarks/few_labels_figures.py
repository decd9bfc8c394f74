"""The tables of README.md and docs/few-labels.md with few labels, from their results."""

import statistics
from collections import Counter
from typing import Any

from _results import load, machine_lines

from sdae.train.consistency.rule import ALIKE, RELATED

HEADLINE_LABELS = (100, 1000)
KAPPAS = (
    (f"below {RELATED}", -1, RELATED),
    (f"{RELATED} to {ALIKE}", RELATED, ALIKE),
    (f"from {ALIKE} on", ALIKE, 2),
)
N_DRAWS = 3
"""Of the labels, at least, for a mean."""
HEADLINE_WAYS = {
    "agreement": "`SDAEClassifier`",
    "SVC": "RBF SVM on the labels",
    "LogisticRegression": "logistic regression on the labels",
}


def headline() -> str:
    """Return the errors on MNIST with 100 and 1,000 labels by model, and the machines."""
    runs: Any = load("few-labels-mnist")
    trained = [run for run in runs if not run["every_depth"]]
    draws = Counter((run["labels"], run["updates"]) for run in trained)
    longest = {
        labels: max(n for (of, n), count in draws.items() if of == labels and count >= N_DRAWS)
        for labels in HEADLINE_LABELS
    }
    ladder = [run for run in trained if run["updates"] == longest.get(run["labels"])]
    beside: Any = load("few-labels-agreement")
    others = [run for run in beside if run["way"] in HEADLINE_WAYS]
    lines = [
        f"| MNIST, error | {' | '.join(f'{labels:,} labels' for labels in HEADLINE_LABELS)} |",
        f"|---|{'---|' * len(HEADLINE_LABELS)}",
        _headline_line(
            f"`LadderClassifier`, {' and '.join(f'{n:,}' for n in longest.values())} updates",
            ladder,
        ),
    ]
    for way, name in HEADLINE_WAYS.items():
        lines.append(_headline_line(name, [run for run in others if run["way"] == way]))
    return "\n".join([*lines, "", machine_lines([*ladder, *others])])


def ladders() -> str:
    """Return the errors of ladders on MNIST, and the machine."""
    runs: Any = load("few-labels-mnist")
    return "\n".join([_ladder_lines(runs), "", machine_lines(runs)])


def agreement() -> str:
    """Return the errors on MNIST with and without agreement, and the machine."""
    runs: Any = load("few-labels-agreement")
    return "\n".join([_agreement_lines(runs), "", machine_lines(runs)])


def accuracies() -> str:
    """Return the accuracies on ten tables with few labels, and the machine."""
    result = load("few-labels-tables")
    machines = [{"machine": machine} for machine in result["machines"]]
    return "\n".join([_accuracy_lines(result), "", machine_lines(machines)])


def by_kappa() -> str:
    """Return the mean scores of each way by the kappa of labels and neighbours, and the machine."""
    rows: Any = load("few-labels-rule")
    ways = [name for name, value in rows[0].items() if isinstance(value, dict) and "auc" in value]
    names = " | ".join(f"{way}: accuracy, AUC" for way in ways)
    lines = [
        f"| columns | κ | divisions, tables | {names} |",
        f"|---|---|---|{'---|' * len(ways)}",
    ]
    for columns, numbers in (("numbers alone", True), ("others too", False)):
        of_kind = [row for row in rows if row["numbers_alone"] == numbers]
        for band, low, high in KAPPAS:
            some = [row for row in of_kind if low <= row["kappa"] < high]
            if some:
                n_tables = len({row["table"] for row in some})
                cells = " | ".join(_two_scores([row[way] for row in some]) for way in ways)
                lines.append(f"| {columns} | {band} | {len(some)}, {n_tables} | {cells} |")
    by_table: dict[str, list[float]] = {}
    for row in rows:
        by_table.setdefault(row["table"], []).append(row["kappa"])
    variance = statistics.mean(statistics.variance(kappas) for kappas in by_table.values())
    lines += [
        "",
        f"The standard deviation of κ between divisions of a table is {variance**0.5:.2f}.",
    ]
    return "\n".join([*lines, "", machine_lines(rows)])


def _two_scores(scores: list[dict[str, float]]) -> str:
    """Return the mean accuracy and AUC."""
    means = [100 * statistics.mean(each[name] for each in scores) for name in ("accuracy", "auc")]
    return f"{means[0]:.1f}, {means[1]:.1f}"


def _headline_line(name: str, runs: list[dict[str, Any]]) -> str:
    """Return a model's mean error by number of labels."""
    cells = []
    for labels in HEADLINE_LABELS:
        errors = [run["test_error"] for run in runs if run["labels"] == labels]
        cells.append(f"{statistics.mean(errors):.1f} %")
    return f"| {name} | {' | '.join(cells)} |"


def _ladder_lines(runs: list[dict[str, Any]]) -> str:
    """Return the errors of ladders on MNIST by labels and updates, a line each."""
    groups: dict[tuple[int, bool, int], list[dict[str, Any]]] = {}
    for run in runs:
        key = run["labels"] or 60_000, run["every_depth"], run["updates"]
        groups.setdefault(key, []).append(run)
    lines = [
        "| labels | reconstructed | updates | draws | test error | ms an update |",
        "|---|---|---|---|---|---|",
    ]
    for (labels, every, updates), of_it in sorted(groups.items()):
        errors = [run["test_error"] for run in of_it]
        each = ", ".join(f"{error:.2f}" for error in errors)
        times = [run["milliseconds"] for run in of_it]
        ends = list(dict.fromkeys(f"{end:.0f}" for end in (min(times), max(times))))
        threads = sorted({run["threads"] for run in of_it})
        spread = f"{' to '.join(ends)}, {' or '.join(map(str, threads))} thread"
        lines.append(
            f"| {labels:,} | {'every depth' if every else 'the input'} | {updates:,} "
            f"| {len(of_it)} | **{statistics.mean(errors):.2f} %** ({each}) "
            f"| {spread}{'s' * (threads[-1] > 1)} |"
        )
    return "\n".join(lines)


def _agreement_lines(runs: list[dict[str, Any]]) -> str:
    """Return the errors on MNIST with and without agreement and pre-training, a line each."""
    names = {
        "agreement": "SDAEClassifier",
        "agreement, pretrain_epochs=0": "SDAEClassifier, pretrain_epochs=0",
        "labels alone": "SDAEClassifier, semi_supervised=None",
        "SVC": "RBF SVM, labels alone",
        "LogisticRegression": "LogisticRegression, labels alone",
    }
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["way"], run["labels"]), []).append(run)
    lines = [
        "| labels | model | learned from other rows | draws | test error | minutes | threads |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for labels in sorted({labels for _, labels in groups}):
        for way, name in names.items():
            of_it = groups.get((way, labels), [])
            if of_it:
                errors = [run["test_error"] for run in of_it]
                each = ", ".join(f"{error:.1f}" for error in errors)
                methods = " and ".join(of_it[0].get("methods") or ()).replace("_", " ") or "–"
                minutes = statistics.median(run["minutes"] for run in of_it)
                lines.append(
                    f"| {labels:,} | {name} | {methods} | {len(of_it)} "
                    f"| **{statistics.mean(errors):.1f} %** ({each}) "
                    f"| {minutes:.1f} | {of_it[0]['threads']} |"
                )
    return "\n".join(lines)


def _accuracy_lines(result: dict[str, Any]) -> str:
    """Return the mean accuracy by table and model, where all splits of a table were measured."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for row in result["rows"]:
        models = found.setdefault(row["model"], {})
        models.setdefault(row["table"], {})[row["split"]] = row["accuracy"]
    n_splits = min(len(splits) for splits in found["SDAE"].values())
    tables = [table for table, splits in found["SDAE"].items() if len(splits) >= n_splits]
    whole = {
        model: scores
        for model, scores in found.items()
        if all(len(scores.get(table, {})) >= n_splits for table in tables)
    }
    lines = [
        f"| accuracy, %, mean of {n_splits} divisions | {' | '.join(whole)} |",
        f"|---|{'---|' * len(whole)}",
    ]
    means: dict[str, list[float]] = {model: [] for model in whole}
    for table in tables:
        cells = []
        for model, scores in whole.items():
            mean = 100 * statistics.mean(scores[table][split] for split in range(n_splits))
            means[model].append(mean)
        best = max(round(each[-1], 1) for each in means.values())
        for each in means.values():
            shown = f"{each[-1]:.1f}"
            cells.append(f"**{shown}**" if round(each[-1], 1) == best else shown)
        labels = next(row["labels"] for row in result["rows"] if row["table"] == table)
        lines.append(f"| {table}, {labels} labels | {' | '.join(cells)} |")
    overall = [f"{statistics.mean(each):.1f}" for each in means.values()]
    lines.append(f"| mean of {len(tables)} | {' | '.join(overall)} |")
    return "\n".join(lines)
