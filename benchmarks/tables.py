"""Write the figures of README.md and docs/ from the JSON files in ``results/``.

    python benchmarks/tables.py           # write them
    python benchmarks/tables.py --check   # fail if a page says something else

A page marks the place of a table with ``<!-- figures: NAME -->`` and ``<!-- /figures -->``.
"""

import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _results import RESULTS, load, machine_line, machine_lines
from auc_tables import auc_tables
from bent_tables import bent_layers
from bulk_tables import bulk_cases
from compare_tables import NAMES, compare_tables
from few_labels_figures import accuracies, agreement, by_kappa, ladders
from few_labels_figures import headline as few_labels_headline
from fit_tables import cold_start, defaults, since_commit, steps, subnormal_numbers
from gpu_tables import gpu_tables
from imputation_tables import imputation_tables
from neighbour_differences import neighbour_cases
from peer_tables import peer_tables
from process_tables import large_minibatches, modelled, processes
from regression_tables import regressions
from speed_tables import speed_headline, speed_table
from stored_tables import rows_on_disk, shuffle_windows, tables_on_disk
from unit_tables import unit_columns
from wide_tables import wide_networks

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def mnist_table(name: str) -> str:
    """Return the table of one recipe: a line per seed, the mean, and the machine."""
    result = load(name)
    lines = [
        "| seed | validation error | test error | pre-training | fine-tuning | epochs |",
        "|---|---|---|---|---|---|",
    ]
    for run in result["runs"]:
        lines.append(
            f"| {run['seed']} | {run['validation_error']:.2f} % | {run['test_error']:.2f} % "
            f"| {run['pretraining_minutes']:.2f} min | {run['finetuning_minutes']:.2f} min "
            f"| {run['epochs']} |"
        )
    lines.append(
        f"| mean ± sd | {_spread(result, 'validation_error')} % | {_spread(result, 'test_error')} "
        f"% | {_mean(result, 'pretraining_minutes'):.2f} min "
        f"| {_mean(result, 'finetuning_minutes'):.2f} min | |"
    )
    return "\n".join([*lines, "", machine_line(result)])


def search_table() -> str:
    """Return what was tried for the recipe `default`, the best last."""
    result = load("recipe-search")
    lines = [
        "| units | masking | pre-training: epochs, rate | fine-tuning: epochs, rate "
        "| dropout: units, input | validation error: lowest, last |",
        "|---|---|---|---|---|---|",
    ]
    for run in sorted(result["runs"], key=lambda run: -min(run["validation_errors"])):
        tried, errors = run["settings"], run["validation_errors"]
        rates = tried["pretraining_rate"]
        rate = ", ".join(f"{each:g}" for each in rates) if isinstance(rates, list) else f"{rates:g}"
        n_epochs = tried["pretraining_epochs"]
        lines.append(
            f"| {tried['activation']} | {tried['masking']:g} "
            f"| {f'{n_epochs}, {rate}' if n_epochs else 'none'} "
            f"| {tried['epochs']}, {tried['rate']:g} "
            f"| {tried['dropout']:g}, {tried['input_dropout']:g} "
            f"| {min(errors):.2f}, {errors[-1]:.2f} % |"
        )
    return "\n".join([*lines, "", machine_line(result)])


def headline() -> str:
    """Return the README's table: what `make train` gives, beside the tutorial's own account."""
    result, without = load("mnist-default"), load("mnist-unpretrained")
    return "\n".join(
        [
            "| MNIST, 784-1000-1000-1000-10 | validation error | test error | pre-training "
            "| fine-tuning |",
            "|---|---|---|---|---|",
            f"| `make train` (recipe `default`, mean of {len(result['runs'])} seeds) "
            f"| {_mean(result, 'validation_error'):.2f} % | {_mean(result, 'test_error'):.2f} % "
            f"| {_mean(result, 'pretraining_minutes'):.1f} min "
            f"| {_mean(result, 'finetuning_minutes'):.1f} min |",
            f"| the same without pre-training, mean of {len(without['runs'])} seeds "
            f"| {_mean(without, 'validation_error'):.2f} % "
            f"| {_mean(without, 'test_error'):.2f} % "
            f"| – | {_mean(without, 'finetuning_minutes'):.1f} min |",
            "| the tutorial of 2010, by its authors' account | 1.39 % | 1.30 % | 585 min "
            "| 444 min |",
            "",
            machine_line(result),
        ]
    )


def estimators_table() -> str:
    """Return the accuracies of SDAEClassifier beside others, what it is ahead by, and the times."""
    result = load("estimators")
    models = list(dict.fromkeys(row["model"] for row in result["scores"]))
    cells: dict[tuple[str, float], dict[str, list[float]]] = {}
    for row in result["scores"]:
        accuracies = [100 * each for each in row["accuracies"]]
        cells.setdefault((row["data"], row["share"]), {})[row["model"]] = accuracies
    lines = [
        f"| accuracy, % | labels | {' | '.join(f'{model}' for model in models)} |",
        f"|---|---|{'---|' * len(models)}",
    ]
    for (data, share), by_model in cells.items():
        best = max(round(statistics.mean(each), 1) for each in by_model.values())
        means = [
            _mean_sd(each, bold=round(statistics.mean(each), 1) == best)
            for each in by_model.values()
        ]
        lines.append(f"| {data} | {_labels(share)} | {' | '.join(means)} |")
    others = models[1:]
    lines += [
        "",
        f"| SDAEClassifier is ahead by, points | labels | {' | '.join(others)} |",
        f"|---|---|{'---|' * len(others)}",
    ]
    for (data, share), by_model in cells.items():
        ours = by_model["SDAEClassifier"]
        ahead = [
            _mean_sd([a - b for a, b in zip(ours, by_model[other], strict=True)], sign="+")
            for other in others
        ]
        lines.append(f"| {data} | {_labels(share)} | {' | '.join(ahead)} |")
    return "\n".join([*lines, "", machine_line(result)])


def estimators_times() -> str:
    """Return how long SDAEClassifier takes to fit and to predict, beside MLPClassifier."""
    result = load("estimators")["times"]
    fits = result["fit_seconds"]
    theirs = fits["MLPClassifier"]
    lines = ["| work | model | time | times MLPClassifier's |", "|---|---|---|---|"]
    for model, seconds in fits.items():
        lines.append(
            f"| fit, 300 rows of 10 columns | {model} | {seconds:.2f} s | {seconds / theirs:.1f} |"
        )
    for row in result["predict_ms"]:
        sizes = tuple(row["hidden_layer_sizes"])
        theirs = row["milliseconds"]["MLPClassifier"]
        for model, milliseconds in row["milliseconds"].items():
            lines.append(
                f"| predict, one row, units {sizes} | {model} | {milliseconds:.2f} ms "
                f"| {milliseconds / theirs:.1f} |"
            )
    return "\n".join([*lines, "", machine_line(result)])


def label_curve_table() -> str:
    """Return accuracies on digits by the number of labels, one column per number."""
    result = load("label-curve")
    numbers = sorted({point["labels"] for point in result["points"]})
    lines = [
        f"| accuracy, %, by labelled rows | {' | '.join(f'{number:,}' for number in numbers)} |",
        f"|---|{'---|' * len(numbers)}",
    ]
    for model in dict.fromkeys(point["model"] for point in result["points"]):
        points = {p["labels"]: p["accuracies"] for p in result["points"] if p["model"] == model}
        cells = [_mean_sd([100 * each for each in points[number]]) for number in numbers]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", machine_line(result)])


def _with_machine(name: str, table: Callable[[dict[str, Any]], str]) -> str:
    """Return the table of some results, and the machine."""
    result = load(name)
    return "\n".join([table(result), "", machine_line(result)])


def imputation_table() -> str:
    """Return the errors of SDAEImputer beside others on real tables, and the machine."""
    result = load("imputation")
    return "\n".join([imputation_tables(result), "", machine_line(result)])


def peers_table() -> str:
    """Return the scores of SDAE beside other models on real tables, and the machine."""
    result = load("table-peers")
    return "\n".join([peer_tables(result), "", machine_line(result)])


def auc_table() -> str:
    """Return the AUC of SDAE beside other models with few labels, and the machine."""
    result = load("few-labels-auc")
    return "\n".join([auc_tables(result), "", machine_lines(result["rows"])])


def torture_table() -> str:
    """Return what came of each proof of reliability, and the machines."""
    proofs = list(load("torture")["proofs"].values())
    lines = ["| test | times | as promised | seen |", "|---|---|---|---|"]
    tests_on: dict[str, list[str]] = {}
    for proof in proofs:
        lines.append(
            f"| {proof['test']} | {proof['tried']:,} | {proof['held']:,} | {proof['note']} |"
        )
        tests_on.setdefault(machine_line(proof), []).append(proof["test"].partition(":")[0])
    most = max(tests_on, key=lambda machine: len(tests_on[machine]))
    lines += ["", most]
    for machine, tests in tests_on.items():
        if machine != most:
            lines += ["", f"{'; '.join(tests)}: {machine}"]
    return "\n".join(lines)


def compare_table() -> str:
    """Return what the studies of pre-training found, as far as they were run."""
    results = [load(name) for name in NAMES if (RESULTS / f"{name}.json").exists()]
    machines: dict[str, list[str]] = {}
    for result in results:
        machines.setdefault(machine_line(result), []).append(result["data"])
    said = (f"{' and '.join(names)}: {line}" for line, names in machines.items())
    return "\n".join([compare_tables(results), "", "\n\n".join(said)])


def process_model() -> str:
    """Return the model of several processes, with the time to read a row of a file."""
    speeds = load("rows-on-disk")["speed"]["processor"]["microseconds"]
    reading = 1e-6 * (speeds[".npy"] - speeds["array"])
    return _with_machine("scaling-processes", lambda result: modelled(result, reading))


FIGURES: dict[str, Callable[[], str]] = {
    "headline": headline,
    "bulk-predict": lambda: _with_machine("bulk-predict", bulk_cases),
    "compare": compare_table,
    "estimators": estimators_table,
    "estimators-times": estimators_times,
    "few-labels-agreement": agreement,
    "few-labels-rule": by_kappa,
    "cold-start": lambda: _with_machine("cold-start", cold_start),
    "few-labels-auc": auc_table,
    "few-labels-headline": few_labels_headline,
    "few-labels-mnist": ladders,
    "few-labels-tables": accuracies,
    "gpu": gpu_tables,
    "imputation": imputation_table,
    "label-curve": label_curve_table,
    "mnist-default": lambda: mnist_table("mnist-default"),
    "mnist-unpretrained": lambda: mnist_table("mnist-unpretrained"),
    "mnist-tutorial": lambda: mnist_table("mnist-tutorial"),
    "mnist-tutorial-earlier": lambda: mnist_table("mnist-tutorial-earlier"),
    "neighbours": lambda: _with_machine("neighbours", neighbour_cases),
    "large-minibatches": lambda: _with_machine("large-minibatches", large_minibatches),
    "process-model": process_model,
    "processes": lambda: _with_machine("scaling-processes", processes),
    "recipe-search": search_table,
    "bent-layer": lambda: _with_machine("bent-layer", bent_layers),
    "regression-rule": lambda: _with_machine("regression-rule", regressions),
    "rows-on-disk": lambda: _with_machine("rows-on-disk", rows_on_disk),
    "shuffle-windows": lambda: _with_machine("shuffle-windows", shuffle_windows),
    "since-commit": lambda: _with_machine("since-commit", since_commit),
    "small-fits-defaults": lambda: _with_machine("small-fits", defaults),
    "small-fits-steps": lambda: _with_machine("small-fits", steps),
    "speed-headline": speed_headline,
    "speed": speed_table,
    "subnormal-numbers": lambda: _with_machine("subnormal-numbers", subnormal_numbers),
    "table-peers": peers_table,
    "tables-on-disk": lambda: _with_machine("tables-on-disk", tables_on_disk),
    "torture": torture_table,
    "unit-columns": lambda: _with_machine("unit-columns", unit_columns),
    "wide-networks": lambda: _with_machine("wide-networks", wide_networks),
}


def filled(page: str) -> str:
    """Return the text of a page with its figures as the results have them."""
    marked = re.compile(r"(<!-- figures: (\S+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
    return marked.sub(lambda m: f"{m[1]}\n{FIGURES[m[2]]()}\n\n{m[3]}", page)


def main() -> None:
    """Write or check every page."""
    stale = [page for page in PAGES if filled(page.read_text()) != page.read_text()]
    if "--check" in sys.argv:
        if stale:
            raise SystemExit(f"Other figures than in {RESULTS}: {', '.join(map(str, stale))}")
        return
    for page in stale:
        page.write_text(filled(page.read_text()))
        print(f"Figures written into {page}")


def _labels(share: float) -> str:
    return "all" if share == 1 else f"{100 * share:.0f} %"


def _mean_sd(values: list[float], *, sign: str = "", bold: bool = False) -> str:
    mean = f"{statistics.mean(values):{sign}.1f}".replace("-", "−")
    return f"{f'**{mean}**' if bold else mean} ± {statistics.stdev(values):.1f}"


def _mean(result: dict[str, Any], key: str) -> float:
    return float(statistics.mean(run[key] for run in result["runs"]))


def _spread(result: dict[str, Any], key: str) -> str:
    values = [run[key] for run in result["runs"]]
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} ± {sd:.2f}"


if __name__ == "__main__":
    main()
