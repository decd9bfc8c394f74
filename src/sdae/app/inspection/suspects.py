"""What may be wrong with a column, each with the option that settles it."""

from collections.abc import Iterator

from sdae.app.inspection.facts import Facts
from sdae.app.inspection.number_suspects import number_suspects
from sdae.app.inspection.text_suspects import text_suspects
from sdae.core.schema.raw_table import ColumnType
from sdae.core.wording import quoted
from sdae.data.tables.remarks import Remark, option

_NEARLY = 0.9  # share of gaps


def suspects(facts: Facts) -> Iterator[Remark]:
    """Yield what is suspect about a column."""
    shown, drop = quoted(facts.name), option("--drop", facts.name)
    if not len(facts.known):
        yield Remark(facts.name, "empty", f"Column {shown} has no values: it is left out.", drop)
        return
    if not facts.n_missing and len(facts.counts) == 1:
        text = f"Column {shown} has the same value in each row: it says nothing."
        yield Remark(facts.name, "constant", text, drop)
        return
    if facts.n_missing > _NEARLY * facts.n_rows:
        text = f"Column {shown} has values in {len(facts.known):,} of {facts.n_rows:,} rows."
        yield Remark(facts.name, "nearly_empty", text, drop)
    if facts.column.declared:
        return
    if facts.type is ColumnType.NUMBER:
        yield from number_suspects(facts)
    elif facts.type is ColumnType.TEXT:
        yield from text_suspects(facts)
