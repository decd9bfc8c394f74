"""What may be wrong with a column of numbers."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from sdae.app.inspection.facts import LARGEST, Facts
from sdae.core.wording import quoted
from sdae.data.tables.remarks import Remark, option
from sdae.data.tables.typed_texts import seconds_of

_FEW_ROWS = 10  # fewer say nothing about an index
_ROWS = 30
_SENTINELS = {float(sign * int("9" * digits)) for digits in range(2, 8) for sign in (-1, 1)}
_APART = 0.5  # of the range of the other values
_CODE_NAMES = ("zip", "postal", "postcode", "plz", "phone", "fips")
_CODE_DIGITS = 5
_FEW, _MANY = 10, 20  # different values
_MOST_DATES = 1000  # are looked at


def number_suspects(facts: Facts) -> Iterator[Remark]:
    """Yield what is suspect about a column of numbers: of its role, the first only."""
    if len(facts.numbers) < len(facts.counts):
        odd = next(value for value in facts.counts if not abs(value) <= LARGEST)
        what = f"numbers as large as {odd:g}" if math.isfinite(odd) else "infinite numbers"
        text = f"Column {quoted(facts.name)} holds {what}, which cannot be scaled."
        yield Remark(facts.name, "infinite", text, option("--na-values", str(odd)), stops=True)
    if not len(facts.numbers):
        return
    sentinel = _sentinel(facts)
    if sentinel is not None:
        yield sentinel
    for check in _ROLES:
        found = check(facts)
        if found is not None:
            yield found
            return


def _sentinel(facts: Facts) -> Remark | None:
    """Find a number of nines at an end, far from all others, that occurs more than once."""
    numbers = facts.numbers
    for place, others in ((0, numbers[1:]), (-1, numbers[:-1])):
        if len(others) < 2:
            continue
        value = float(numbers[place])
        distance = float(np.abs(others - value).min())
        far = distance > _APART * float(others[-1] - others[0])
        if value in _SENTINELS and facts.counts[value] > 1 and far:
            return Remark(
                facts.name,
                "sentinel",
                f"Column {quoted(facts.name)} holds {value:.0f} in {facts.counts[value]:,} rows, "
                "far from all others: it may stand for a missing value.",
                option("--na-values", f"{value:.0f}"),
            )
    return None


def _index(facts: Facts) -> Remark | None:
    if facts.n_rows < _FEW_ROWS or facts.n_missing:
        return None
    steps = np.diff(facts.known)
    if not ((steps == 1).all() or (steps == -1).all()):
        return None
    text = f"Column {quoted(facts.name)} counts the rows: on a sorted file it betrays the target."
    return Remark(facts.name, "index", text, _drop_or_id(facts.name))


def _date(facts: Facts) -> Remark | None:
    if not facts.is_whole or not 19_000_101 <= facts.numbers[0] <= facts.numbers[-1] < 21_000_000:
        return None
    looked_at = facts.numbers[:: max(1, len(facts.numbers) // _MOST_DATES)]
    if any(seconds_of(f"{value:.0f}") is None for value in looked_at):
        return None
    text = f"Column {quoted(facts.name)} holds dates as numbers, such as {facts.numbers[0]:.0f}."
    return Remark(facts.name, "date", text, option("--parse-dates", facts.name))


def _identifier(facts: Facts) -> Remark | None:
    if facts.n_rows < _ROWS or not facts.differs_in_each_row or not facts.is_whole:
        return None
    text = (
        f"Column {quoted(facts.name)} holds a different whole number in each row: it may be an "
        "identifier."
    )
    return Remark(facts.name, "identifier", text, _drop_or_id(facts.name))


def _code(facts: Facts) -> Remark | None:
    if not facts.is_whole or facts.numbers[0] < 0 or len(facts.numbers) <= _MANY:
        return None
    named = any(word in facts.name.lower() for word in _CODE_NAMES)
    n_digits = len(f"{facts.numbers[0]:.0f}")
    alike = n_digits >= _CODE_DIGITS and n_digits == len(f"{facts.numbers[-1]:.0f}")
    if not (named or alike):
        return None
    text = f"Column {quoted(facts.name)} may hold codes of digits, such as {facts.numbers[0]:.0f}."
    return Remark(facts.name, "code", text, _categorical_or_drop(facts.name))


def _few(facts: Facts) -> Remark | None:
    if not facts.is_whole or not 3 <= len(facts.numbers) <= _FEW or facts.n_rows < _ROWS:
        return None
    text = (
        f"Column {quoted(facts.name)} holds {len(facts.numbers)} different whole numbers: if they "
        "are codes, they are categories."
    )
    return Remark(facts.name, "few_numbers", text, option("--categorical", facts.name))


_ROLES: tuple[Callable[[Facts], Remark | None], ...] = (_index, _date, _identifier, _code, _few)


def _drop_or_id(name: str) -> str:
    return f"{option('--drop', name)} or {option('--id', name)}"


def _categorical_or_drop(name: str) -> str:
    return f"{option('--categorical', name)} or {option('--drop', name)}"
