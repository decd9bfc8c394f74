"""Tables of speed, from ``speed.py``."""

from collections.abc import Iterator
from operator import itemgetter

from _results import load, machine_line


def speed_table() -> str:
    """Return the table of speeds, and the machine."""
    result = load("speed")
    lines = [
        "| work | batch size | program | threads | µs a sample | spread | times ours "
        "| of the limit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        share = f"{100 * row['share_of_limit']:.0f} %" if "share_of_limit" in row else ""
        lines.append(
            f"| {row['work']} | {row['batch']} | {row['who']} | {row['threads']} "
            f"| {row['microseconds']:,.1f} | {100 * row['spread']:.0f} % "
            f"| {row['times_slower']:.2f} | {share} |"
        )
    limits = result["limits"]
    lines += [
        "",
        f"By these speeds the 45 + 36 epochs of the recipe `tutorial` take "
        f"{result['tutorial_minutes']:.1f} minutes. The machine's limits in the same run: "
        f"{limits['gemm_gflops, PyTorch']:.0f} GFLOP/s in PyTorch's product of 2048×2048 matrices, "
        f"{limits['gemm_gflops, NumPy']:.0f} in NumPy's; reading and writing buffers of the "
        f"weights' sizes, {', '.join(_bandwidths(limits))}.",
        "",
        _on_amd(),
    ]
    return "\n".join([*lines, "", machine_line(result)])


def _bandwidths(limits: dict[str, float]) -> Iterator[str]:
    for name, gigabytes in limits.items():
        if name.startswith("read_write_gbs"):
            yield f"{gigabytes:.0f} GB/s ({name.partition(', ')[2]})"


def _on_amd() -> str:
    """Say what the same script found with an earlier version on another processor."""
    result = load("speed-amd")
    ours = {
        row["work"]: row["microseconds"]
        for row in result["rows"]
        if row["who"] == "sdae, fused" and row["threads"] == 2
    }
    found = ", ".join(
        f"{row['work']} {ours[row['work']]:.0f} µs, {row['times_slower']:.1f} ×"
        for row in result["rows"]
        if row["batch"] == 1 and row["who"] == "PyTorch autograd"
    )
    return (
        f"On an {result['machine']['processor']} the same script found with an "
        "earlier version, at batch size 1 and against PyTorch autograd: "
        f"{found}; {result['tutorial_minutes']:.1f} minutes for `tutorial`."
    )


def speed_headline() -> str:
    """Return the README's table of batch size 1: sdae beside the others."""
    result = load("speed")
    best: dict[str, dict[str, dict[str, float]]] = {}
    for row in result["rows"]:
        if row["batch"] == 1:
            rows = best.setdefault(row["work"], {})
            rows[row["who"]] = min(row, rows.get(row["who"], row), key=itemgetter("microseconds"))
    lines = [
        "| µs a sample, batch size 1 | sdae | PyTensor | PyTorch autograd | scikit-learn |",
        "|---|---|---|---|---|",
    ]
    for work, rows in best.items():
        other = next(who for who in ("BernoulliRBM", "MLPClassifier") if who in rows)
        lines.append(
            f"| {work} | {rows['sdae, fused']['microseconds']:,.0f} "
            f"| {_beside(rows.get('PyTensor'))} | {_beside(rows['PyTorch autograd'])} "
            f"| {_beside(rows[other])}, {other} |"
        )
    return "\n".join([*lines, "", machine_line(result)])


def _beside(row: dict[str, float] | None) -> str:
    if row is None:  # PyTensor is not everywhere
        return "–"
    return f"{row['microseconds']:,.0f} ({row['times_slower']:.1f} ×)"
