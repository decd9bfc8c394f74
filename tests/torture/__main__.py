"""``python -m tests.torture``: every proof at full size; figures go to ``benchmarks/results/``.

It takes some tens of minutes. ``python benchmarks/tables.py`` then writes docs/reliability.md.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from _machine import describe

from tests.torture import (
    faults,
    flips,
    hostile,
    kills,
    lost_ranks,
    memory,
    mutations,
    recipes,
    saves,
    together,
)
from tests.torture.sample_files import FORMATS

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "torture.json"


@dataclass(frozen=True)
class Proof:
    """What came of one kind of test.

    Attributes
    ----------
    test : str
        In words.
    tried, held : int
        How often, and how often it was as promised.
    note : str
        What else was counted.
    failures : list of str
        What was not as promised, with the seed that shows it again.
    """

    test: str
    tried: int
    held: int
    note: str = ""
    failures: list[str] = field(default_factory=list)


def killed(n: int, variant: str, words: str) -> Proof:
    """Kill runs at random instants and resume them."""
    result = kills.kills(n, variant=variant)
    # Places begin with a digit, which puts them in order.
    places = ", ".join(f"{count} {place[2:]}" for place, count in result["places"].items())
    note = f"{result['kills that hit']} kills: {places}"
    return Proof(words, n, result["runs identical"], note, result["failures"])


def lost(n: int) -> Proof:
    """Kill one of several processes at random instants."""
    result = lost_ranks.lost_ranks(n)
    places = ", ".join(f"{count} {place[2:]}" for place, count in result["places"].items())
    note = f"{result['kills that hit']} kills, {result['of rank 0']} of the first process: {places}"
    words = (
        f"SIGKILL of one of {lost_ranks.N_RANKS} processes at a random instant, which torchrun "
        "starts anew: the same bytes as unbroken"
    )
    return Proof(words, result["runs"], result["runs identical"], note, result["failures"])


def saved(n: int) -> Proof:
    """Kill processes while they save."""
    result = saves.saves(n)
    note = (
        f"{result['kills that hit']} hit, {result['kills that left half a file']} of them in the "
        f"middle of a file; {result['checkpoints saved']:,} checkpoints"
    )
    failures = result["failures"]
    words = "SIGKILL during saves: the newest complete checkpoint loads"
    return Proof(words, n, n - len(failures), note, failures)


def begun_together(n: int) -> Proof:
    """Begin commands at the same instant on the same runs."""
    result = together.together(n)
    note = ", ".join(f"{count:,} {name}" for name, count in result["outcomes"].items())
    words = (
        f"{together.N_PROCESSES} commands begun together: each run is whole and of one of them, "
        "the others are refused"
    )
    return Proof(words, result["rounds"], result["as promised"], note, result["failures"])


def failed_calls() -> Proof:
    """Let every system call of the writers fail."""
    result = faults.faults()
    n = sum(result["faults injected"].values())
    disks = [name for name, held in result.items() if held is True]
    words = "faults at each system call of the writer, and full disks: the old file is intact"
    failures = result["failures"]
    return Proof(words, n, n - len(failures), f"also {', '.join(disks)}" if disks else "", failures)


def flipped(n: int) -> Proof:
    """Flip bits of models and checkpoints, and cut them short."""
    result = flips.run(n, 1)
    note = f"{result['rejected']:,} rejected, {result['harmless']:,} proven harmless"
    failures = list(result["failures"])
    words = "single-bit flips and truncations of a model, an estimator and a checkpoint"
    return Proof(words, n, result["rejected"] + result["harmless"], note, failures)


def hostile_files() -> Proof:
    """Open files made to do harm."""
    rows = list(hostile.run())
    failures = [f"{row.name}: {' | '.join(row.problems)[:300]}" for row in rows if row.problems]
    slowest = max(row.seconds for row in rows)
    note = f"{sum(len(row.said) for row in rows)} attempts; the slowest took {slowest:.1f} s"
    return Proof(
        "hostile files: refused, nothing run", len(rows), len(rows) - len(failures), note, failures
    )


def mutated(n: int, name: str) -> Proof:
    """Damage data files of a format."""
    rows = list(mutations.run(n, 1, [name], heavy=True))
    results = [row.outcome.result for row in rows]
    failures = [f"{row.case}: {row.outcome}" for row in rows if row.outcome.result == "failed"]
    slowest = max(row.outcome.seconds for row in rows)
    largest = max(row.outcome.n_bytes for row in rows) >> 20
    note = (
        f"{results.count('refused'):,} refused, {results.count('loaded'):,} still good; at most "
        f"{slowest:.1f} s and {largest} MiB"
    )
    return Proof(f"mutations: {name}", len(rows), len(rows) - len(failures), note, failures)


def random_recipes(n: int) -> Proof:
    """Read recipes of random keys, types and ranges."""
    outcomes = [(str(number), recipes.judge(recipes.case(1, number))) for number in range(n)]
    outcomes += [(title, recipes.judge(make())) for title, make in recipes.heavy_cases().items()]
    failures = [f"{title}: {said}" for title, (result, said) in outcomes if result == "failed"]
    good = len(outcomes) - len(failures)
    return Proof(
        "random recipes: refused with the key's name, or good", len(outcomes), good, "", failures
    )


def grown(engine: str) -> Proof:
    """Watch the memory of a run."""
    result = memory.memory(engine=engine)
    note = ", ".join(f"{part} {kib:+} KiB" for part, kib in result["KiB grown"].items())
    failures = result["failures"]
    return Proof(
        f"memory from epoch 50 to 200, {engine}: at most 2 MiB more",
        1,
        int(not failures),
        note,
        failures,
    )


def proofs() -> dict[str, Callable[[], Proof]]:
    """Return all of them by name, the quick ones first."""
    every: dict[str, Callable[[], Proof]] = {
        "faults": failed_calls,
        "memory-autograd": lambda: grown("autograd"),
        "memory-fused": lambda: grown("fused"),
        "recipes": lambda: random_recipes(1000),
        "hostile": hostile_files,
        "flips": lambda: flipped(2000),
        "saves": lambda: saved(200),
        "together": lambda: begun_together(50),
        "lost-ranks": lambda: lost(50),
    }
    for name in FORMATS:
        every[f"mutations-{name}"] = partial(mutated, 2000, name)
    start = "SIGKILL at a random instant, resume, until it ends: the same bytes as unbroken"
    every["kills-fused"] = lambda: killed(50, "fused", f"{start} (fused engine)")
    every["kills-threads"] = lambda: killed(50, "threads", f"{start} (2 threads)")
    every["kills"] = lambda: killed(200, "autograd", start)
    return every


def main(names: list[str]) -> int:
    """Do the proofs named, or all; return 1 if anything was not as promised."""
    result = json.loads(RESULTS.read_text()) if names and RESULTS.exists() else {"proofs": {}}
    machine = describe()
    for name, prove in proofs().items():
        if names and name not in names:
            continue
        start = time.monotonic()
        proof = prove()
        minutes = (time.monotonic() - start) / 60
        print(f"{proof.test}: {proof.held} of {proof.tried}. {proof.note} ({minutes:.1f} min)")
        for failure in proof.failures:
            print(f"  {failure}")
        result["proofs"][name] = {**asdict(proof), "machine": machine}
        RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return int(any(proof["failures"] for proof in result["proofs"].values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
