"""The tables of small fits, of cold starts, and of what subnormal numbers cost.

They are from ``small_fits.py``, ``since_commit.py``, ``cold_start.py`` and
``subnormal_numbers.py``.
"""

from statistics import mean, median, stdev
from typing import Any

from scipy.stats import t


def steps(result: dict[str, Any]) -> str:
    """Return a line for each shape: milliseconds a step of both, and our share of the peak."""
    lines = [
        "| rows | columns | units | minibatch | SDAEClassifier | MLPClassifier | times faster "
        "| of the product peak |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in result["steps"]:
        n_steps = case["epochs"] * -(-case["rows"] // case["batch"])
        ours, theirs = (1e6 * seconds / n_steps for seconds in case["seconds"].values())
        lines.append(
            f"| {case['rows']:,} | {case['columns']} | {tuple(case['units'])} | {case['batch']} "
            f"| {ours:,.0f} µs a step | {theirs:,.0f} µs | {case['times_faster']:.1f} "
            f"| {100 * case['share_of_peak']:.0f} % |"
        )
    return "\n".join([*lines, "", f"The peak: {result['gemm_gflops']:.0f} GFLOP/s on one thread."])


def defaults(result: dict[str, Any]) -> str:
    """Return a line for each table: seconds of whole fits; and the memory of a fit."""
    lines = [
        "| fit with all defaults | SDAEClassifier | scaled MLPClassifier | times faster |",
        "|---|---|---|---|",
    ]
    for case in result["defaults"]:
        ours, theirs = case["seconds"].values()
        lines.append(
            f"| {case['data']} | {ours:.2f} s | {theirs:.2f} s | {case['times_faster']:.1f} |"
        )
    return "\n".join([*lines, "", _shortest(result["shortest"]), "", _memory(result)])


def _shortest(found: dict[str, Any]) -> str:
    ours, theirs = (f"{1e3 * seconds:.1f} ms" for seconds in found["seconds"].values())
    return (
        "A fit of one epoch of 300 × 10 rows, without pre-training, is mostly checks: it takes "
        f"{ours}, that of `MLPClassifier` {theirs}."
    )


def _memory(result: dict[str, Any]) -> str:
    memory, codes = result["memory"], result["codes"]
    ours, theirs, deep, their_deep = (f"{each:.0f} MiB" for each in memory["mebibytes"].values())
    return (
        f"A fit of {memory['rows']:,} × {memory['columns']} rows adds {ours} to what a process "
        f"holds, that of `MLPClassifier` {theirs}. With units {tuple(memory['units'])} it adds "
        f"{deep}, that of `MLPClassifier` {their_deep}: the codes of the first layer are then "
        'stored. Where `pretrain` computes them again in each epoch (`codes="recompute"`), '
        f"{codes['epochs']} epochs take {codes['times_longer']:.2f} times as long."
    )


def since_commit(result: dict[str, Any]) -> str:
    """Return a line for each work: seconds and accuracy before and now."""
    lines = [
        f"| work | at {result['commit']} | now | times faster | accuracy then | now | gained |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, work in result["works"].items():
        before, now = (
            f"{1e3 * median(turn['seconds'] for turn in work[package]):,.2f} ms"
            for package in ("earlier", "now")
        )
        what, accuracies = f"epoch of pre-training, {name}", " |  | "
        if "accuracies" in work:
            what, accuracies = f"`SDAEClassifier().fit`, {name}", _gained(**work["accuracies"])
        lines.append(f"| {what} | {before} | {now} | {work['times_faster']:.1f} | {accuracies} |")
    return "\n".join(lines)


def _gained(earlier: list[float], now: list[float]) -> str:
    """Return both means of accuracies, and that of the differences with its 95 % interval."""
    gains = [after - before for after, before in zip(now, earlier, strict=True)]
    wide = t.ppf(0.975, len(gains) - 1) * stdev(gains) / len(gains) ** 0.5
    return (
        f"{100 * mean(earlier):.2f} % | {100 * mean(now):.2f} % "
        f"| {100 * mean(gains):+.2f} ± {100 * wide:.2f} points"
    )


def cold_start(result: dict[str, Any]) -> str:
    """Return the seconds of first and second calls, with an empty cache and with a filled one."""
    empty, filled = result["empty_cache"], result["filled_cache"]
    lines = ["| seconds | first on this machine | later processes |", "|---|---|---|"]
    for name in empty:
        lines.append(f"| {name} | {empty[name]:.2f} | {filled[name]:.3f} |")
    return "\n".join([*lines, "", f"`sdae --help` takes {result['help']:.2f} s."])


def subnormal_numbers(result: dict[str, Any]) -> str:
    """Return a line for each case: seconds with subnormal numbers kept, and rounded to zero."""
    lines = ["| training | kept | rounded to zero | times faster |", "|---|---|---|---|"]
    for case in result["cases"]:
        rounded, kept = case["seconds"]["rounded"], case["seconds"]["kept"]
        lines.append(f"| {case['name']} | {kept:.1f} s | {rounded:.1f} s | {kept / rounded:.1f} |")
    return "\n".join(lines)
