"""The tables of ``compare_study.py``: errors, what pre-training gained, and what each fit took."""

from typing import Any

NAMES = ("compare-mnist", "compare-digits", "compare-cancer")


def compare_tables(results: list[dict[str, Any]]) -> str:
    """Return three tables over all data sets, and the verdicts."""
    return "\n".join(
        [
            *_errors(results),
            "",
            *_gains(results),
            "",
            *(f"- {result['data']}: {said}" for result in results for said in _verdicts(result)),
            "",
            *_costs(results),
        ]
    )


def _errors(results: list[dict[str, Any]]) -> list[str]:
    titles = {line["model"]: line["title"] for result in results for line in result["lines"]}
    table = _head(["error, %", "labels", *titles.values()])
    for result in results:
        for labels in _labels(result):
            by_model = _by_model(result, labels)
            best = min(round(100 * line["error"], 1) for line in by_model.values())
            cells = [
                _error(by_model[model], best) if model in by_model else "–" for model in titles
            ]
            table.append(_row([result["data"], _named(result, labels), *cells]))
    return table


def _error(line: dict[str, Any], best: float) -> str:
    """Return a mean and half of its interval, the best in bold."""
    mean = round(100 * line["error"], 1)
    shown = f"**{mean:.1f}**" if mean == best else f"{mean:.1f}"
    return f"{shown} ± {100 * (line['high'] - line['error']):.1f}"


def _gains(results: list[dict[str, Any]]) -> list[str]:
    table = _head(["pre-training lowers the error by", "labels", "points", "95 %", "p", "verdict"])
    for result, name, each in _comparisons(results):
        gain, low, high = (_signed(each[key]) for key in ("gain", "low", "high"))
        p = f"{each['p_holm']:.2g}" if each["p_holm"] >= 0.001 else "< 0.001"
        labels = _named(result, each["labels"])
        verdict = each["verdict"]
        table.append(_row([name, labels, gain, f"{low} to {high}", p, verdict]))
    return table


def _comparisons(results: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Return each comparison with its result and what it is called."""
    plain = [(result, result["data"], each) for result in results for each in result["comparisons"]]
    return plain + [
        (result, f"{result['data']}, with agreement", each)
        for result in results
        for each in result.get("comparisons_of_agreement", [])
    ]


def _verdicts(result: dict[str, Any]) -> list[str]:
    return [result["verdict"], *result.get("agreement", [])[:1]]


def _costs(results: list[dict[str, Any]]) -> list[str]:
    table = _head(["one fit", "labels", "model", "processor", "clock", "tuning", "memory"])
    for result in results:
        labels = _labels(result)[-1]
        for line in _by_model(result, labels).values():
            memory = "" if line["memory_mib"] is None else f"{line['memory_mib']:.0f} MiB"
            seconds = (line[key] for key in ("fit_cpu_seconds", "fit_seconds", "tuning_seconds"))
            times = [f"{each:.2g} s" if each < 10 else f"{each:.0f} s" for each in seconds]
            named = _named(result, labels)
            table.append(_row([result["data"], named, line["title"], *times, memory]))
    return table


def _head(names: list[str]) -> list[str]:
    return [_row(names), f"|{'---|' * len(names)}"]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _labels(result: dict[str, Any]) -> list[int]:
    return sorted({line["labels"] for line in result["lines"]})


def _by_model(result: dict[str, Any], labels: int) -> dict[str, dict[str, Any]]:
    return {line["model"]: line for line in result["lines"] if line["labels"] == labels}


def _named(result: dict[str, Any], labels: int) -> str:
    return f"all {labels:,}" if labels == result["n_pool"] else f"{labels:,}"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
