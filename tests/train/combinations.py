"""Few combinations of parameters, in which any three values meet; the others are slow tests."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import pytest

Combination = tuple[Any, ...]


def all_of(*values: Sequence[Any]) -> list[Any]:
    """Return all combinations; those that :func:`any_three_meet` leaves out are marked as slow."""
    few = any_three_meet(*values)
    rest = [each for each in product(*values) if each not in few]
    return [
        *(pytest.param(*each) for each in few),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in rest),
    ]


def any_three_meet(*values: Sequence[Any]) -> list[Combination]:
    """Return combinations, a value of each sequence, in which any three values meet.

    Nearly all faults need one, two or three values to meet (Kuhn, Wallace and Gallo 2004). The
    combination with most triples that have not met comes next, the first of them if there are some.
    """
    candidates = list(product(*(range(len(each)) for each in values)))
    triples = [set(combinations(enumerate(places), 3)) for places in candidates]
    missing = set().union(*triples)
    chosen = []
    while missing:
        best = max(range(len(candidates)), key=lambda number: len(triples[number] & missing))
        missing -= triples[best]
        chosen.append(candidates[best])
    return [tuple(each[place] for each, place in zip(values, c, strict=True)) for c in chosen]
