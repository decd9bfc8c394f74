"""The tables of several processes, from ``scaling_processes.py`` and ``large_minibatches.py``."""

import statistics
from typing import Any

from scaling_model import Computing, Link, Step, most_useful

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SHOWN = (1, 4, 16, 64, 256, 1024)
LINKS = {"1 Gbit/s, 100 µs": (100e-6, 1e9 / 8), "100 Gbit/s, 10 µs": (10e-6, 100e9 / 8)}
"""Assumed, not measured: latency in seconds, and bytes a second."""
MINIBATCHES = (1_000, 16_000)


def processes(result: dict[str, Any]) -> str:
    """Return rows a second by processes, and how long sums are waited for."""
    lines = [
        "| stage, minibatch | processes, threads of each | sums | rows/s | ratio | waiting |",
        "|---|---|---|---|---|---|",
    ]
    points = result["points"]
    for stage, size in sorted({(p["stage"], p["batch_size"]) for p in points}, key=_place):
        same = [p for p in points if (p["stage"], p["batch_size"]) == (stage, size)]
        whole = next(p for p in same if (p["processes"], p["threads"]) == (1, 2))
        for point in same:
            ratio = point["rows_per_second"] / whole["rows_per_second"]
            alone = point["processes"] == 1
            lines.append(
                f"| {stage}, {size:,} | {point['processes']}, {point['threads']}{_cable(point)} "
                f"| {'–' if alone else point['sums']} | {point['rows_per_second']:,.0f} "
                f"| {ratio:.2f} | {'–' if alone else format(point['communication'], '.0%')} |"
            )
    return "\n".join(
        [
            *lines,
            "",
            "784-1000-1000-1000-10 by autograd on a machine of two cores. `ratio` is to one "
            "process with two threads; `waiting` is the share of the time in which a process "
            "waits for sums.",
        ]
    )


def modelled(result: dict[str, Any], reading: float) -> str:
    """Return the constants of the model, how far it is from measurements, and what it says.

    Parameters
    ----------
    result : dict
        Of ``scaling_processes.py``.
    reading : float
        Seconds to read a row from a file in the page cache.
    """
    constants = result["constants"]
    computing = Computing.fitted({int(n): s for n, s in constants["step_seconds"].items()})
    link = Link.fitted({int(n): s for n, s in constants["sum_seconds"].items()}, 2)
    n_numbers, cores = constants["n_numbers"], constants["cores"]
    step = Step(computing, n_numbers)
    lines = [
        f"Measured constants: a step takes {1e3 * computing.step:.1f} ms and "
        f"{1e6 * computing.row:.0f} µs for each row of the process, on one thread; a sum of "
        f"{n_numbers:,} numbers between two processes of this machine {1e6 * link.latency:.0f} µs "
        f"for each message and {link.bytes_per_second / 1e9:.2f} GB/s; a row from NPY "
        f"{1e6 * reading:.1f} µs.",
        "",
        "| fine-tuning, minibatch | processes | model | measured | model / measured |",
        "|---|---|---|---|---|",
    ]
    for point in result["points"]:
        if point["stage"] != "finetuning" or point["threads"] > 1 or point["cable"]:
            continue
        if point["sums"] != "on the way":
            continue
        count, size = point["processes"], point["batch_size"]
        said = 1e3 * step.seconds(count, size, link.ring, cores)
        seen = 1e3 * size / point["rows_per_second"]
        lines.append(f"| {size:,} | {count} | {said:.0f} ms | {seen:.0f} ms | {said / seen:.2f} |")
    lines += [
        "",
        "| links (assumed) | minibatch | sum | "
        + " | ".join(f"{count:,}" for count in SHOWN)
        + " | fastest with |",
        "|---|---|---|" + "---|" * (len(SHOWN) + 1),
    ]
    from_disk = Step(computing, n_numbers, reading)
    for name, (latency, speed) in LINKS.items():
        assumed = Link(latency, speed)
        for size in MINIBATCHES:
            for kind, summed in (("ring", assumed.ring), ("tree", assumed.tree)):
                times = [f"{from_disk.speedup(count, size, summed):.1f}" for count in SHOWN]
                counts = [count for count in COUNTS if count <= size]
                best = most_useful(from_disk, size, summed, counts)
                cells = " | ".join(
                    text if count <= size else "–" for text, count in zip(times, SHOWN, strict=True)
                )
                lines.append(f"| {name} | {size:,} | {kind} | {cells} | {best:,} |")
    return "\n".join(
        [
            *lines,
            "",
            "Times as fast as one process, by the model: processes of one thread on machines of "
            "their own, rows from their disks, sums after back-propagation, all equally fast.",
        ]
    )


def large_minibatches(result: dict[str, Any]) -> str:
    """Return the passes and updates that minibatches of each size need."""
    runs = result["runs"]
    columns = list(dict.fromkeys((run["stage"], run["rule"]) for run in runs))
    heads = [f"{stage}, {rule}" for stage, rule in columns]
    lines = [
        "| minibatch | " + " | ".join(heads) + " |",
        "|---" * (1 + len(columns)) + "|",
    ]
    for size in dict.fromkeys(run["batch_size"] for run in runs):
        cells = []
        for stage, rule in columns:
            key = stage, rule, size
            passes: list[int | None] = next(
                (r["passes"] for r in runs if (r["stage"], r["rule"], r["batch_size"]) == key), []
            )
            cells.append(_passes(passes, size, result["most"]))
        lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
    return "\n".join(
        [
            *lines,
            "",
            "Passes over MNIST's 50,000 training rows, and updates, medians of 3 seeds, until the "
            "error on the validation rows is at most 2.5 % (fine-tuning 784-500-10), or their "
            "reconstruction's cross-entropy at most 80 nats (pre-training 784 → 500).",
        ]
    )


def _passes(passes: list[int | None], size: int, most: int) -> str:
    if not passes:
        return "–"
    reached = [each for each in passes if each is not None]
    if 2 * len(reached) <= len(passes):
        return f"not within {most}"
    median = statistics.median_low([most + 1 if each is None else each for each in passes])
    return f"{median} ({median * (50_000 // size):,})"


def _place(point: tuple[str, int]) -> tuple[int, str]:
    return point[1], "" if point[0] == "pretraining" else point[0]


def _cable(point: dict[str, Any]) -> str:
    return ", cable of 1 Gbit/s" if point.get("cable") else ""
