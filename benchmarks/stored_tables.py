"""Tables of rows on the disk, from ``rows_on_disk.py`` and ``shuffle_windows.py``."""

import statistics
from operator import itemgetter
from typing import Any

_NAMES = {
    "array": "in memory",
    ".npy": "NPY",
    ".parquet": "Parquet, a column of lists",
    ".feather": "Feather, a column of lists",
    "columns": "Parquet, plain columns",
}
_MIB = 1 << 20


def rows_on_disk(result: dict[str, Any]) -> str:
    """Return memory and speed by where the rows are."""
    lines = ["| work on a large file | rows | time | memory |", "|---|---|---|---|"]
    for case in sorted(result["memory"], key=itemgetter("kind", "gigabytes")):
        added = max(0, case["peak"] - case["small"]) / _MIB
        end = "all rows" if case["done"] else "stopped"
        lines.append(
            f"| {case['work']}: {_NAMES[case['kind']]}, {case['gigabytes']:g} GB "
            f"| {case['rows']:,} | {case['seconds'] / 60:.1f} min, {end} | {added:.0f} MiB |"
        )
    speed = result["speed"]
    lines += [
        "",
        "| rows | µs a row on one core | throughput | reading on a second core | throughput |",
        "|---|---|---|---|---|",
    ]
    clocks = [speed[clock] for clock in ("processor", "second core")]
    for name in speed["processor"]["microseconds"]:
        cells = [
            f"{clock['microseconds'][name]:.1f} | {clock['throughput'].get(name, 1):.2f}"
            for clock in clocks
        ]
        lines.append(f"| {_NAMES[name]} | {' | '.join(cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Pre-training of {result['columns']} → {result['hidden']} units in minibatches of "
            f"{result['batch_size']}, with windows of {result['shuffle_window']:,} rows. Memory is "
            "anonymous memory (RssAnon), the difference between its peaks on the large file and on "
            "one of 1,000 rows. NPY files were sparse. Parquet files had noise in row groups of "
            f"{result['rows_per_group']['memory']:,} rows; for training they are copied to the "
            "scratch folder first, within the time of the table. Speed is processor time, with "
            f"files of {speed['rows']:,} rows in the page cache, in groups of "
            f"{result['rows_per_group']['speed']:,}. With a second core, the time of a slice is "
            "the longer of training on it and reading the next.",
        ]
    )


def tables_on_disk(result: dict[str, Any]) -> str:
    """Return the memory of commands on tables with texts, dates and gaps."""
    lines = ["| command, on a large table | rows | time | memory |", "|---|---|---|---|"]
    for case in result["works"]:
        added = max(0, case["peak"] - case["small"]) / _MIB
        end = "done" if case["done"] else "stopped"
        name = {".parquet": "Parquet", ".csv": "CSV"}[case["kind"]]
        lines.append(
            f"| `sdae {case['work']}`: {name}, {case['bytes'] / 1e9:.1f} GB "
            f"| {case['rows']:,} | {case['seconds'] / 60:.1f} min, {end} | {added:.0f} MiB |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"{result['numbers']} columns of numbers with gaps, two of texts, a date, a truth "
            "value and "
            f"the target, with `--memory {result['memory']}`. Memory is anonymous memory "
            "(RssAnon), the difference between its peaks on this table and on one of 1,000 rows. "
            "Work was stopped after a minute, wherever it was by then.",
        ]
    )


def shuffle_windows(result: dict[str, Any]) -> str:
    """Return errors and costs by the rows that are shuffled together."""
    lines = [
        "| window | share of the rows | fine-tuning, error | pre-training, cost |",
        "|---|---|---|---|",
    ]
    full = statistics.mean(result["runs"][0]["costs"])
    for run in result["runs"]:
        name = "all rows" if run["window"] is None else f"{run['window']:,}"
        cost = statistics.mean(run["costs"])
        lines.append(
            f"| {name} | {run['share']:.3g} | {statistics.mean(run['errors']):.2f} % "
            f"| {cost:.2f} ({100 * (cost / full - 1):+.1f} %) |"
        )
    n_seeds = len(result["runs"][0]["errors"])
    return "\n".join(
        [
            *lines,
            "",
            f"MNIST's {result['rows']:,} training rows sorted by class, {result['epochs']} epochs "
            f"of Adam in minibatches of 100, means of {n_seeds} seeds: 784-500-10 fine-tuned "
            "without pre-training, its error on the 10,000 validation rows; and 784 → 500 "
            "pre-trained, the cross-entropy of these rows reconstructed.",
        ]
    )
