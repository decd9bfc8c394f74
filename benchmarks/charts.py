"""Draw ``docs/images/speed.png`` and ``scaling.png`` from the JSON files in ``results/``.

python benchmarks/charts.py
"""

from collections import defaultdict
from operator import itemgetter
from pathlib import Path
from typing import Any

import matplotlib as mpl
from _results import load
from matplotlib import pyplot as plt

IMAGES = Path(__file__).parents[1] / "docs" / "images"
OURS, OTHERS = "#c2410c", "#94a3b8"
LINES = {"fused": OURS, "closed_form": "#0f766e", "autograd": "#94a3b8"}
STYLES = {1: "-", 20: "--", 100: ":"}


def main() -> None:
    """Draw both."""
    mpl.use("Agg")
    _speed(load("speed"))
    _scaling(load("scaling"))


def _speed(result: dict[str, Any]) -> None:
    """Draw bars: microseconds a sample of every program, each at its best number of threads."""
    works: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for row in result["rows"]:
        if row["batch"] == 1:
            best = works[row["work"]]
            best[row["who"]] = min(row, best.get(row["who"], row), key=itemgetter("microseconds"))
    figure, axes = plt.subplots(1, len(works), figsize=(11, 2.6), layout="constrained")
    for axis, (work, rows) in zip(axes, works.items(), strict=True):
        times = {who: row["microseconds"] for who, row in rows.items()}
        names = sorted(times, key=lambda who: times[who], reverse=True)
        colours = [
            OURS if who.startswith("sdae") or who.endswith("by sdae") else OTHERS for who in names
        ]
        bars = axis.barh(names, [times[who] for who in names], color=colours)
        labels = {
            who: f" {row['microseconds']:,.0f} µs, {_times(row['times_slower'])}"
            for who, row in rows.items()
        }
        labels["sdae, fused"] = f" {times['sdae, fused']:,.0f} µs"
        axis.bar_label(bars, [labels[who] for who in names], fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(10, max(times.values()) * 40)
        axis.set_title(work, fontsize=10)
        axis.set_xlabel("µs a sample, batch size 1", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    _save(figure, "speed")


def _times(factor: float) -> str:
    return f"{factor:.1f}×" if factor < 10 else f"{factor:.0f}×"


def _scaling(result: dict[str, Any]) -> None:
    """Draw lines: microseconds a sample against units, layers and samples."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    for axis, by in zip(axes, ("n_hidden", "layers", "samples"), strict=True):
        curves: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        for point in result["points"]:
            if point["by"] == by:
                curve = curves[point["engine"], point["batch_size"]]
                curve.append((point["value"], point["microseconds"]))
        for (engine, batch_size), curve in curves.items():
            axis.plot(
                *zip(*curve, strict=True),
                STYLES[batch_size],
                marker="o",
                markersize=3,
                color=LINES[engine],
                label=f"{engine}, batch {batch_size}",
            )
        axis.set_yscale("log")
        if by != "layers":
            axis.set_xscale("log")
        if by == "n_hidden":
            values = sorted({value for curve in curves.values() for value, _ in curve})
            axis.set_xticks(values, [f"{value:,.0f}" for value in values], minor=False)
            axis.minorticks_off()
        if by == "samples":
            axis.set_ylim(1, 10)
        axis.set_xlabel(
            {
                "n_hidden": "units of a layer on 784 inputs, pre-training",
                "layers": "layers of 500 units, fine-tuning",
                "samples": "rows, pre-training 100×50",
            }[by],
            fontsize=8,
        )
        axis.set_ylabel("µs a sample", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    lines = axes[0].get_lines()
    names = [line.get_label() for line in lines]
    figure.legend(lines, names, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    _save(figure, "scaling")


def _save(figure: Any, name: str) -> None:
    path = IMAGES / f"{name}.png"
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
    print(f"Written to {path}")


if __name__ == "__main__":
    main()
