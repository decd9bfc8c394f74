"""The figures of a GPU in docs/results.md, from ``results/gpu.json`` where there is one."""

from typing import Any

from _results import RESULTS, load

NONE = (
    "No GPU was at hand since these engines were written, so there are no figures of one here, "
    "and nothing is claimed. `make gpu-check` on a machine with an NVIDIA GPU tries and measures "
    "all of it, and `benchmarks/tables.py` writes the figures here."
)


def gpu_tables() -> str:
    """Return what was tried and measured on a GPU."""
    if not (RESULTS / "gpu.json").exists():
        return NONE
    result = load("gpu")
    parts = {part["name"]: part for part in result["parts"]}
    lines = ["| part | passed | seconds |", "|---|---|---|"]
    lines += [
        f"| {name} | {_verdict(part)} | {part['seconds']:.1f} |" for name, part in parts.items()
    ]
    for name in ("single rows", "several rows"):
        if name in parts:
            lines += ["", *_steps(parts[name]["figures"])]
    if "float32" in (rows := parts.get("precisions", {}).get("figures", {})):
        lines += ["", "| products in | µs a step | cost |", "|---|---|---|"]
        lines += [
            f"| {name} | {row['microseconds']:,.0f} | {row['cost']:.4g} |"
            for name, row in rows.items()
        ]
    for name in ("tutorial", "default"):
        if name in parts and "seconds" in parts[name]["figures"]:
            lines += ["", _run(name, parts[name]["figures"])]
    return "\n".join([*lines, "", _machine(result["machine"])])


def _verdict(part: dict[str, Any]) -> str:
    if part["passed"]:
        return "yes" if part["error"] is None else _short(part["error"])
    return f"no: {_short(part['error'])}"


def _steps(figures: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| work | µs a step | spread | PyTorch | times ours | bar |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in figures.items():
        if "error" in row:
            lines.append(f"| {name} | failed: {_short(row['error'])} | | | | |")
            continue
        bar = f"≤ {row['most']:g} µs" if "most" in row else f"≥ {row['least']:g} ×"
        reached = "reached" if row["reached"] else "missed"
        lines.append(
            f"| {name} | {row['microseconds']:,.2f} | {100 * row['spread']:.1f} % "
            f"| {row['pytorch']:,.0f} | {row['times']:.1f} | {bar}, {reached} |"
        )
    return lines


def _run(name: str, figures: dict[str, Any]) -> str:
    error = figures["test error"]
    tested = "" if error is None else f", test error {100 * error:.2f} %"
    return (
        f"Recipe `{name}`, {figures['epochs']} epochs: {figures['seconds']:.1f} s "
        f"({figures['seconds of pre-training']:.1f} + {figures['seconds of fine-tuning']:.1f}) by "
        f"the engine {', '.join(figures['engines'])}{tested}. "
        + (
            f"{figures['times']:,.1f} times as fast as the comparison; the bar is "
            f"{figures['least']:,} times."
            if "times" in figures
            else ""
        )
    )


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"Measured on: {machine['device']} (compute capability {machine['capability']}), "
        f"CUDA {machine['cuda']}, {machine['system']}; Python {machine['python']}, PyTorch "
        f"{machine['torch']}, NumPy {machine['numpy']}, sdae {machine['sdae']}."
    )


def _short(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")[:120]
