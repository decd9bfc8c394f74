"""The table of predicting many rows, from the results of ``bulk_predict.py``."""

from typing import Any


def bulk_cases(result: dict[str, Any]) -> str:
    """Return a line for each case: the times of both, and the median and range of the quotients."""
    lines = [
        "| rows | columns | units | kind | SDAEClassifier | MLPClassifier | times theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        milliseconds = case["milliseconds"]
        low, high = case["ratios"]
        lines.append(
            f"| {case['rows']:,} | {case['columns']} | {tuple(case['hidden_layer_sizes'])} "
            f"| {case['kind']} | {milliseconds['SDAEClassifier']:,.1f} ms "
            f"| {milliseconds['MLPClassifier']:,.1f} ms "
            f"| {case['ratio']:.1f} ({low:.1f} to {high:.1f}) |"
        )
    return "\n".join(lines)
