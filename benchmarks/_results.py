"""The results of benchmarks, and what each ran on."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def load(name: str) -> dict[str, Any]:
    """Return the results of a benchmark."""
    loaded: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return loaded


def machine_line(result: dict[str, Any]) -> str:
    """Return what a benchmark ran on."""
    machine = result["machine"]
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    blas = f"BLAS {machine['blas']}, " if machine.get("blas") else ""
    return (
        f"Measured on: {machine['processor']}, {threads}, {machine['system']}; "
        f"Python {machine['python']}, PyTorch {machine['torch']}, NumPy {machine['numpy']}, "
        f"{blas}sdae {machine['sdae']}."
    )


def machine_lines(runs: list[dict[str, Any]]) -> str:
    """Return what several runs ran on, each machine once."""
    return "\n\n".join(dict.fromkeys(map(machine_line, runs)))
