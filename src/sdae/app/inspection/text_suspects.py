"""What may be wrong with a column of texts."""

import re
from collections.abc import Callable, Iterator

from sdae.app.inspection.facts import Facts
from sdae.core.schema.learning import looks_like_text
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.wording import quoted
from sdae.data.tables.dialect import Dialect
from sdae.data.tables.remarks import Remark, option
from sdae.data.tables.typed_texts import seconds_of

_POINT, _COMMA = Dialect(".", ", '"), Dialect(",", ". '")
_MOSTLY = 0.9  # of the different texts
_HALF = 0.5  # of the values
_LOOKED_AT = 1000  # different texts
_MOST_SHOWN = 5
_SIGNS = ("", "?", "??", "-", "--", "---", ".", "..", "*", "/", "#value!", "#ref!", "#div/0!")
_WORDS = ("none", "nil", "na", "n.a.", "n.a", "n/a", "nan", "null", "unknown", "missing", "tbd")
_PHRASES = ("not available", "not applicable", "not known", "no data", "no answer", "undefined")
_GAP_WORDS = frozenset((*_SIGNS, *_WORDS, *_PHRASES))
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(
    r"\d{1,4}[-./ ]\d{1,2}[-./ ]\d{1,4}([ T]\d{1,2}:\d{2}.*)?"
    rf"|(\w+,? )?\d{{1,2}}[-. ]+({_MONTHS})\w*[-., ]+\d{{2,4}}.*"
    rf"|(\w+,? )?({_MONTHS})\w*\.? \d{{1,2}},? \d{{4}}.*",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?:[$€£¥]|[A-Z]{3}|USD)?\s*([-+]?[0-9][0-9.,' ]*)\s*(?:%|°?[A-Za-z²³€$£/]{1,5})?"
)
_FREE_TEXT = 3  # blanks in a text, on average


def text_suspects(facts: Facts) -> Iterator[Remark]:
    """Yield what is suspect about a column of texts: of what it holds, the first only."""
    stops = looks_like_text(facts.column, SchemaOptions())
    roles = (check(facts, stops) for check in _ROLES)
    role = next((found for found in roles if found is not None), None)
    if role is not None:
        yield role
        if role.kind == "numbers_and_words":
            return
    words = [text for text in facts.counts if text.lower() in _GAP_WORDS]
    if words and facts.counts:
        shown = ", ".join(map(quoted, words[:_MOST_SHOWN]))
        n_rows = sum(facts.counts[word] for word in words)
        yield Remark(
            facts.name,
            "sentinel",
            f"Column {quoted(facts.name)} holds {shown} in {n_rows:,} rows: it may stand for a "
            "missing value.",
            " ".join(option("--na-values", word) for word in words[:_MOST_SHOWN]),
        )
    alike = _spelled_alike(facts)
    if alike is not None:
        yield alike


def _numbers_and_words(facts: Facts, stops: bool) -> Remark | None:
    """Find a column of numbers in which some words keep it from being one."""
    words = []
    n_numbers = 0
    for text, count in facts.counts.items():
        if _POINT.fits(text) or _COMMA.fits(text):
            n_numbers += count
        else:
            words.append(text)
    if not words or n_numbers <= _HALF * len(facts.known):
        return None
    shown = ", ".join(map(quoted, words[:_MOST_SHOWN])) + ", …" * (len(words) > _MOST_SHOWN)
    text = f"Column {quoted(facts.name)} would hold numbers, were it not for {shown}."
    settled = option("--drop", facts.name)
    if len(words) <= _MOST_SHOWN:
        settled = " ".join(option("--na-values", word) for word in words)
    return Remark(facts.name, "numbers_and_words", text, settled, stops)


def _date(facts: Facts, stops: bool) -> Remark | None:
    texts = list(facts.counts)[:_LOOKED_AT]
    iso = [text for text in texts if len(text) >= 8 and seconds_of(text) is not None]
    if not texts:
        return None
    if len(iso) == len(texts):
        text = f"Column {quoted(facts.name)} holds dates as texts, such as {quoted(texts[0])}."
        return Remark(facts.name, "date", text, option("--parse-dates", facts.name), stops)
    if sum(_DATE.fullmatch(text) is not None for text in texts) <= _MOSTLY * len(texts):
        return None
    odd = next((text for text in texts if text not in iso), texts[0])
    text = (
        f"Column {quoted(facts.name)} holds dates as texts, such as {quoted(odd)}, which are not "
        f"written as ISO 8601 writes them. Convert them with pandas: df[{facts.name!r}] = "
        f"pandas.to_datetime(df[{facts.name!r}], dayfirst=True or False)"
    )
    return Remark(facts.name, "date", text, option("--drop", facts.name), stops)


def _with_unit(facts: Facts, stops: bool) -> Remark | None:
    texts = list(facts.counts)[:_LOOKED_AT]
    numbers = sum(_UNIT.fullmatch(text) is not None for text in texts)
    if len(texts) < 3 or numbers < len(texts) or any(map(_is_code, texts)):
        return None
    if all(_POINT.fits(text) or _COMMA.fits(text) for text in texts):
        return None  # the reader says that it is ambiguous
    text = (
        f"Column {quoted(facts.name)} holds numbers with a unit, such as {quoted(texts[0])}. Take "
        f"it off with pandas: df[{facts.name!r}] = df[{facts.name!r}].str.replace(r'[^0-9.-]', '', "
        "regex=True)"
    )
    return Remark(facts.name, "unit", text, option("--drop", facts.name), stops)


def _code(facts: Facts, stops: bool) -> Remark | None:
    texts = list(facts.counts)[:_LOOKED_AT]
    if not texts or not all(map(_is_code, texts)):
        return None
    text = (
        f"Column {quoted(facts.name)} holds codes of digits, such as {quoted(min(texts))}: they "
        "are read as texts, since a number loses its leading zeros."
    )
    settled = f"{option('--categorical', facts.name)} or {option('--drop', facts.name)}"
    return Remark(facts.name, "code", text, settled, stops)


def _identifier(facts: Facts, stops: bool) -> Remark | None:
    if not stops:
        return None
    n_known = len(facts.known)
    blanks = sum(text.count(" ") * count for text, count in facts.counts.items()) / n_known
    is_free = blanks >= _FREE_TEXT
    what = "free text" if is_free else "an identifier"
    text = (
        f"Column {quoted(facts.name)} has {len(facts.counts):,} different texts in {n_known:,} "
        f"rows: it looks like {what}."
    )
    settled = [option(flag, facts.name) for flag in ("--drop", "--id", "--categorical")]
    kind = "free_text" if is_free else "identifier"
    return Remark(facts.name, kind, text, f"{settled[0]}, {settled[1]} or {settled[2]}", True)


_ROLES: tuple[Callable[[Facts, bool], Remark | None], ...] = (
    _code,
    _date,
    _numbers_and_words,
    _with_unit,
    _identifier,
)


def _spelled_alike(facts: Facts) -> Remark | None:
    """Find levels that differ by case or blanks only."""
    if len(facts.counts) > _LOOKED_AT:
        return None
    spellings: dict[str, str] = {}
    for text in facts.counts:
        first = spellings.setdefault(" ".join(text.casefold().split()), text)
        if first != text:
            shown = f"{quoted(first)} and {quoted(text)}"
            return Remark(
                facts.name,
                "spelling",
                f"Column {quoted(facts.name)} holds {shown}, which are two levels. Spell them "
                f"alike with pandas: df[{facts.name!r}] = df[{facts.name!r}].str.strip()"
                ".str.lower()",
            )
    return None


def _is_code(text: str) -> bool:
    return text.isascii() and text.isdigit()
