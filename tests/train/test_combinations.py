"""Fewer combinations than all still let any three values meet."""

from itertools import combinations, product

from tests.train.combinations import any_three_meet


def test_any_three_values_meet_in_a_combination() -> None:
    values = ("ab", "cde", "fghi", "jk", "lmn")
    found = any_three_meet(*values)
    assert len(set(found)) == len(found) < 2 * 4 * 3 * 3
    for chosen in combinations(range(5), 3):
        met = {tuple(combination[place] for place in chosen) for combination in found}
        assert met == set(product(*(values[place] for place in chosen)))
