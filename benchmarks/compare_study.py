"""Measure whether pre-training helped, on MNIST and on two tables of scikit-learn; write JSON.

    python benchmarks/compare_study.py                 # all three: some 7 h
    python benchmarks/compare_study.py --data digits   # one of them
    python benchmarks/compare_study.py --draw          # the picture alone, from the JSON files

The studies are those of ``sdae compare``, with 10 seeds; on the two tables with all models but
ladders, which would take twice the time. Ladders are in ``few_labels_tables.py``. Results are kept
in ``compare/``, so one that was cut short goes on. Of MNIST the 60,000 training rows are used: each
seed draws 10,000 to test on, and pre-trains on the other 50,000. Everything runs on one thread.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from matplotlib.axes import Axes
from sklearn.datasets import load_breast_cancer, load_digits

from sdae.app.compare.result_cache import CELLS, Cell, CellCache
from sdae.app.compare.result_table import Line, table_lines
from sdae.app.compare.statistics import Comparison, compare_agreeing, compare_networks
from sdae.app.compare.study import BESIDE, MODELS, NETWORKS, TITLES, Study
from sdae.app.compare.study_data import StudyData
from sdae.app.compare.study_files import details, verdict_of, verdict_with_agreement
from sdae.app.compare.study_run import Progress, plan, run_study
from sdae.app.plots.figure import new_figure
from sdae.data import load_mnist

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
IMAGE = ROOT / "docs" / "images" / "compare.png"


@dataclass(frozen=True)
class Case:
    """A study and what to call its data."""

    title: str
    study: Study


NO_LADDERS = tuple(model for model in MODELS if model != "ladder")
CASES = {
    "digits": Case("digits", Study(labels=(50, 100, 300, None), models=NO_LADDERS)),
    "cancer": Case("breast cancer", Study(labels=(20, 50, 100, None), models=NO_LADDERS)),
    "mnist": Case(
        "MNIST",
        Study(
            labels=(100, 1000),
            models=(*NETWORKS, *BESIDE),
            test=1 / 6,
            folds=2,
            network={"hidden_layer_sizes": [500, 500], "pretrain_epochs": 5, "max_iter": 60},
        ),
    ),
}
STYLES: dict[str, dict[str, Any]] = {
    "pretrained": {"color": "#c2410c", "linewidth": 2.2},
    "random": {"color": "#c2410c", "linestyle": "--", "linewidth": 1.6},
    "logistic": {"color": "#475569"},
    "boosting": {"color": "#0f766e"},
    "svm": {"color": "#4338ca"},
    "mlp": {"color": "#a16207"},
    "agreement": {"color": "#be185d", "linewidth": 2.2, "marker": "s"},
    "agreement_random": {"color": "#be185d", "linestyle": "--", "linewidth": 1.6, "marker": "s"},
    "self_training": {"color": "#64748b", "linestyle": "-.", "marker": "^"},
    "label_spreading": {"color": "#0284c7", "linestyle": "-.", "marker": "v"},
    "ladder": {"color": "#65a30d", "linestyle": "-.", "marker": "D"},
}


def main() -> None:
    """Measure, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=tuple(CASES), action="append")
    parser.add_argument("--draw", action="store_true", help="the picture alone")
    asked = parser.parse_args()
    if not asked.draw:
        torch.set_num_threads(1)
        for name in asked.data or CASES:
            _measure(name)
    _draw()


def _measure(name: str) -> None:
    study, data = CASES[name].study, _load(name)
    folder = ROOT / "compare" / name
    folder.mkdir(parents=True, exist_ok=True)
    cells = run_study(study, data, CellCache(folder / CELLS), _say)
    lines = table_lines(cells)
    result = {
        "machine": describe(),
        "data": CASES[name].title,
        "seeds": study.seeds,
        "folds": study.folds,
        "settings": study.budget,
        "network": dict(study.network),
        "n_pool": cells[0].n_pool,
        "n_test": cells[0].n_test,
        "notes": plan(study, data).notes,
        "verdict": verdict_of(cells),
        "details": details(cells),
        "lines": [_values(line) for line in lines],
        "agreement": verdict_with_agreement(cells),
        "comparisons": [_compared(each) for each in compare_networks(cells)],
        "comparisons_of_agreement": [_compared(each) for each in compare_agreeing(cells)],
        "errors": _errors(cells),
    }
    _path(name).write_text(json.dumps(result, indent=2) + "\n")
    print(f"{result['verdict']}\nWritten to {_path(name)}", flush=True)


def _load(name: str) -> StudyData:
    if name == "mnist":
        train, validation, _ = load_mnist()
        x, y = np.concatenate([train.x, validation.x]), np.concatenate([train.y, validation.y])
    else:
        x, y = {"digits": load_digits, "cancer": load_breast_cancer}[name](return_X_y=True)
        x, y = x.astype(np.float32), y.astype(np.int64)
    return StudyData(CASES[name].title, x, y, tuple(np.unique(y).tolist()), x[:0])


def _say(reached: Progress) -> None:
    cell = reached.cell
    print(
        f"{reached.done}/{reached.total}  seed {cell.seed}, {cell.labels} labels, {cell.model}: "
        f"error {100 * cell.error:.2f} %, {cell.setting}; processor: "
        f"{cell.pretraining_cpu:.1f} + {cell.tuning_cpu:.1f} + {cell.fit_cpu:.1f} s",
        flush=True,
    )


def _values(line: Line) -> dict[str, Any]:
    return {
        "labels": line.labels,
        "all_rows": line.all_rows,
        "model": line.model,
        "title": TITLES[line.model],
        "error": line.error.mean,
        "low": line.error.low,
        "high": line.error.high,
        "fit_seconds": line.fit_seconds,
        "fit_cpu_seconds": line.fit_cpu,
        "tuning_seconds": line.tuning_seconds,
        "memory_mib": line.memory,
    }


def _compared(each: Comparison) -> dict[str, Any]:
    return {
        "labels": each.labels,
        "gain": each.gain.mean,
        "low": each.gain.low,
        "high": each.gain.high,
        "p": each.gain.p,
        "p_holm": each.p_holm,
        "verdict": each.verdict,
    }


def _errors(cells: list[Cell]) -> dict[str, dict[str, list[float]]]:
    """Return the error of every seed, by model and number of labels."""
    errors: dict[str, dict[str, list[float]]] = {}
    for cell in cells:
        errors.setdefault(cell.model, {}).setdefault(str(cell.labels), []).append(cell.error)
    return errors


def _path(name: str) -> Path:
    return RESULTS / f"compare-{name}.json"


def _draw() -> None:
    """Draw the error against the number of labels, a panel for each data set that was measured."""
    paths = [_path(name) for name in CASES if _path(name).exists()]
    results = [json.loads(path.read_text()) for path in paths]
    figure = new_figure(2 + 3.2 * len(results), 4.8)
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        _panel(axes, result)
    panels[0].set_ylabel("error on the test rows, %")
    shown = dict(zip(*reversed(_handles(panels)), strict=True))  # each model once
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=4, fontsize=7)
    figure.savefig(IMAGE, dpi=110, metadata={"Software": None})
    print(f"Written to {IMAGE}")


def _handles(panels: Any) -> tuple[list[Any], list[str]]:
    """Return the lines of all panels, and their titles."""
    found = [axes.get_legend_handles_labels() for axes in panels]
    return [line for lines, _ in found for line in lines], [
        t for _, titles in found for t in titles
    ]


def _panel(axes: Axes, result: dict[str, Any]) -> None:
    numbers = sorted({line["labels"] for line in result["lines"]})
    for model, style in STYLES.items():
        lines = [line for line in result["lines"] if line["model"] == model]
        if not lines:
            continue
        x = [line["labels"] for line in lines]
        low, high = ([100 * max(0, line[key]) for line in lines] for key in ("low", "high"))
        errors = [100 * line["error"] for line in lines]
        axes.plot(x, errors, **{"marker": "o", **style}, markersize=4, label=TITLES[model])
        if model in NETWORKS:
            axes.fill_between(x, low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xticks(numbers, [f"all {n:,}" if n == result["n_pool"] else f"{n:,}" for n in numbers])
    axes.minorticks_off()
    axes.set_title(result["data"], fontsize=10)
    axes.set_xlabel("labelled rows", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="#e2e8f0")
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
