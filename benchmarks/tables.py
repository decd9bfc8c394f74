"""Print the tables of docs/results.md from the JSON files in ``results/``.

python benchmarks/tables.py
"""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def mnist_table(name: str) -> str:
    """Return the table of one recipe: a line per seed, and the mean."""
    result = _load(name)
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
        f"| mean | {result['mean_validation_error']:.2f} % | {result['mean_test_error']:.2f} % "
        "| | | |"
    )
    return "\n".join(lines)


def speed_table() -> str:
    """Return the table of speeds."""
    lines = [
        "| work | batch size | samples/s | relative to the bare loop |",
        "|---|---|---|---|",
    ]
    for row in _load("speed")["rows"]:
        lines.append(
            f"| {row['work']} | {row['batch']} | {row['samples_per_second']:,.0f} "
            f"| {row['ratio_to_bare']:.2f} × |"
        )
    return "\n".join(lines)


def machine_line(name: str) -> str:
    """Return what a benchmark ran on."""
    machine = _load(name)["machine"]
    return (
        f"{machine['processor']}, {machine['threads']} threads, {machine['system']}; "
        f"Python {machine['python']}, PyTorch {machine['torch']}, NumPy {machine['numpy']}, "
        f"sdae {machine['sdae']}."
    )


def tutorial_hours() -> str:
    """Return how long the tutorial's recipe would take, in words."""
    return f"about {_load('speed')['tutorial_hours']:.1f} hours"


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return loaded


if __name__ == "__main__":
    for part in (mnist_table("mnist-default"), machine_line("mnist-default"), speed_table()):
        print(part, end="\n\n")
    print(tutorial_hours())
