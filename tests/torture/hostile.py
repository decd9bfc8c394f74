"""Hostile files in numbers: each must be refused in our words, in time, in bounds, running nothing.

``python -m tests.torture.hostile [WORD ...]`` tries all cases, or those whose names have the words,
and prints what failed.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.torture.child import Child


@dataclass(frozen=True)
class Row:
    """What came of one case: nothing in `problems` if it was refused as it must be."""

    name: str
    problems: Sequence[str]
    said: Sequence[str] = ()
    seconds: float = 0.0
    n_bytes: int = 0


def run(*words: str, all_ways: bool = True) -> Iterator[Row]:
    """Try the cases whose names have all of some words, in a child process.

    With `all_ways` each goes every way into the package, otherwise one of its ways, in turn. Last,
    the payloads are shown to do something where pickles are trusted: else all would prove nothing.
    """
    with Child("tests.torture.hostile_judge") as child:
        for number, name in enumerate(child.ask("names")):
            if all(word in name for word in words):
                answer = child.ask([name, None if all_ways else number])
                yield Row(name, [child.end]) if answer is None else Row(name, **answer)
        harmless = child.ask("payloads")
        if harmless != []:
            yield Row("payloads", [f"these do nothing where pickles are trusted: {harmless}"])


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    rows = []
    for row in run(*sys.argv[1:]):
        rows.append(row)
        if row.problems:
            print(f"  {row.name}: {' | '.join(row.problems)[:600]}", flush=True)
    n_ways = sum(len(row.said) for row in rows)
    n_failed = sum(bool(row.problems) for row in rows)
    slowest = max(rows, key=lambda row: row.seconds)
    largest = max(rows, key=lambda row: row.n_bytes)
    print(
        f"{len(rows)} files, {n_ways} attempts, {n_failed} files failed; slowest "
        f"{slowest.seconds:.2f} s ({slowest.name}), largest {largest.n_bytes >> 20} MiB "
        f"({largest.name})"
    )
    sys.exit(bool(n_failed))


if __name__ == "__main__":
    main()
