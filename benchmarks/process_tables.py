"""The table of several processes, from ``scaling_processes.py``."""

from typing import Any


def processes(result: dict[str, Any]) -> str:
    """Return rows a second of one process and of two, and what the sums between them take."""
    lines = [
        "| stage, minibatch | 1 process, 2 threads | 2 processes, 1 thread | ratio | sums |",
        "|---|---|---|---|---|",
    ]
    points = result["points"]
    for one in points:
        if one["processes"] != 1:
            continue
        same = ("stage", "batch_size")
        two = next(
            each
            for each in points
            if each["processes"] == 2 and all(each[name] == one[name] for name in same)
        )
        ratio = two["rows_per_second"] / one["rows_per_second"]
        lines.append(
            f"| {one['stage']}, {one['batch_size']:,} | {one['rows_per_second']:,.0f} rows/s "
            f"| {two['rows_per_second']:,.0f} rows/s | {ratio:.2f} "
            f"| {100 * two['communication']:.0f} % |"
        )
    return "\n".join(
        [
            *lines,
            "",
            "784-1000-1000-1000-10 by autograd; `sums` is the share of the time that goes into "
            "sums over the processes, with the wait for the other one.",
        ]
    )
