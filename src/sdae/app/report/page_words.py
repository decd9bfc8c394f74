"""Names and numbers as the page shows them."""

import math

_MOST_CHARACTERS = 40


def short(name: object) -> str:
    """Return a label or the name of a column in one line, shortened if it is long."""
    text = "".join(c if c.isprintable() else " " for c in str(name)).strip() or "(blank)"
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share in percent, as the command line writes it, with a no-break space."""
    return "–" if share is None else f"{100 * share:.{digits}f}\u00a0%"


def duration(seconds: float) -> str:
    """Return a time in a suitable unit."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def number(value: float, span: float = 0.0) -> str:
    """Return a number with at most four digits, or all digits of a whole number, with a minus sign.

    A number that is large relative to the span of its column, such as a timestamp, gets enough
    digits to show differences.
    """
    more = math.log10(abs(value)) - math.log10(span) - 2 if value and span > 0 else 0.0
    digits = min(17, 5 + math.ceil(more)) if more > 0 else 4
    is_whole = value == int(value) and abs(value) < 1e15
    text = f"{value:,.0f}" if is_whole else f"{value:.{digits}g}"
    return text.replace("-", "−")


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 row``, ``2 rows``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
