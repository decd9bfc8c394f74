"""What training does with a table of plain numbers: all columns are scaled alike.

Axes: n rows, V columns.
"""

from collections.abc import Sequence
from dataclasses import replace

from sdae.app.inspection.columns import Line
from sdae.app.inspection.facts import LARGEST
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import choose
from sdae.core.schema.raw_table import RawTable
from sdae.data.exact import exact_rows
from sdae.data.plain_numbers import must_remember, plain_numbers
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.reading import TableFile

_APART = ("target", "id")
_DONE = {"none": "left as it is", "standard": "standardised"}


def as_arrays_are(file: TableFile, options: ReadOptions, lines: Sequence[Line]) -> list[Line]:
    """Return the lines of columns as training scales them, if it takes the table for an array."""
    apart = {line.name for line in lines if line.kind in _APART}
    columns = [column for column in file.table if column.name not in apart]
    if not columns or must_remember(options, file.written):
        return [*lines]
    x = plain_numbers(RawTable(columns))
    if x is None or not x.size or not (abs(x) <= LARGEST).all():
        return [*lines]
    chosen = choose(exact_rows(x), "auto", Decoder.AUTO, file.source)
    done = _DONE[chosen.scale]
    return [
        line if line.name in apart else replace(line, kind="number", treatment=done)
        for line in lines
    ]
