"""The tables of docs/imputation.md, from the results of ``imputation.py``."""

import statistics
from collections.abc import Iterator
from typing import Any

OURS, SIMPLE, ITERATIVE = "SDAEImputer", "mean or mode", "IterativeImputer"
METHODS = (OURS, SIMPLE, "KNNImputer", ITERATIVE)
KINDS = ("numbers", "categories")


def imputation_tables(result: dict[str, Any]) -> str:
    """Return the ranks, the errors by table, where ours loses, and the times."""
    return "\n\n".join([_ranks(result), _by_table(result), _losses(result), _times(result)])


def mean_ranks(result: dict[str, Any], kind: str) -> dict[str, float]:
    """Return the mean rank of each method, from 1; equal errors share their ranks."""
    ranks: dict[str, list[float]] = {method: [] for method in METHODS}
    for _, errors in _cases(result, kind):
        for method in METHODS:
            better = sum(errors[other] < errors[method] for other in METHODS)
            equal = sum(errors[other] == errors[method] for other in METHODS)
            ranks[method].append(better + (equal + 1) / 2)
    return {method: statistics.mean(each) for method, each in ranks.items()}


def _cases(result: dict[str, Any], kind: str) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """Yield each table and way of hiding that has columns of a kind, with the mean errors."""
    for row in result["rows"]:
        if row[OURS][kind]:
            yield row, {method: statistics.mean(row[method][kind]) for method in METHODS}


def _ranks(result: dict[str, Any]) -> str:
    lines = [
        f"| | {' | '.join(METHODS)} |",
        f"|---|{'---|' * len(METHODS)}",
    ]
    for kind in KINDS:
        ranks = mean_ranks(result, kind)
        n_cases = sum(1 for _ in _cases(result, kind))
        cells = [f"{ranks[method]:.2f}" for method in METHODS]
        lines.append(f"| {kind}: mean rank in {n_cases} cases | {' | '.join(cells)} |")
        means = [
            statistics.mean(errors[method] for _, errors in _cases(result, kind))
            for method in METHODS
        ]
        shown = [_shown(kind, mean) for mean in means]
        name = "mean RMSE, σ" if kind == "numbers" else "mean error rate"
        lines.append(f"| {kind}: {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _by_table(result: dict[str, Any]) -> str:
    lines = [
        f"| table, rows × columns | kind | {' | '.join(METHODS)} |",
        f"|---|---|{'---|' * len(METHODS)}",
    ]
    shapes = {row["table"]: row["shape"] for row in result["rows"]}
    for table, (n_rows, n_columns) in shapes.items():
        for kind in KINDS:
            cases = [e for row, e in _cases(result, kind) if row["table"] == table]
            if not cases:
                continue
            means = [statistics.mean(each[method] for each in cases) for method in METHODS]
            cells = [
                f"**{_shown(kind, mean)}**" if mean == min(means) else _shown(kind, mean)
                for mean in means
            ]
            lines.append(f"| {table}, {n_rows:,} × {n_columns} | {kind} | {' | '.join(cells)} |")
    seeds = {len(row["seeds"]) for row in result["rows"]}
    n_seeds = f"{min(seeds)} to {max(seeds)} seeds" if len(seeds) > 1 else f"{max(seeds)} seeds"
    return "\n".join(
        [*lines, "", f"Means over the four ways of hiding, {n_seeds} each; the best in bold."]
    )


def _losses(result: dict[str, Any]) -> str:
    """Say in which cases ours has a larger error than IterativeImputer, KNNImputer, or the mode."""
    numbers, categories = list(_cases(result, "numbers")), list(_cases(result, "categories"))
    parts = []
    for rival in METHODS[1:]:
        lost = [row for row, errors in numbers if errors[OURS] > errors[rival]]
        parts.append(f"{rival} in {len(lost)} of {len(numbers)}{_named(lost)}")
    worse = [row for row, errors in categories if errors[OURS] > errors[SIMPLE]]
    return (
        f"Where it loses, for numbers: to the {'; to '.join(parts)}. For categories it is worse "
        f"than the mode in {len(worse)} of {len(categories)} cases{_named(worse)}."
    )


def _named(rows: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(row["table"] for row in rows))
    return f" ({', '.join(names)})" if names else ""


def _times(result: dict[str, Any]) -> str:
    seconds = result["seconds"]
    if not seconds:
        return "The times were not measured."
    ours, theirs = (seconds[f"{method}, fit"] for method in (OURS, ITERATIVE))
    return (
        f"`fit` on 10,000 rows of 30 numbers with 15 % gaps takes {ours:.1f} s of one "
        f"core, IterativeImputer's {theirs:.1f} s ({ours / theirs:.2f} times as long); `transform` "
        f"{seconds[f'{OURS}, transform']:.2f} s and {seconds[f'{ITERATIVE}, transform']:.2f} s."
    )


def _shown(kind: str, value: float) -> str:
    return f"{value:.3f}" if kind == "numbers" else f"{100 * value:.1f} %"
