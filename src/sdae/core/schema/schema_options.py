"""How the columns of a table are read, in the words of scikit-learn's encoders."""

from dataclasses import dataclass

from sdae.core.schema.columns import IgnoredColumn
from sdae.core.schema.table_schema import AS_USUAL, INFREQUENT_IF_EXIST, Written

MAX_CATEGORIES = 50


@dataclass(frozen=True)
class SchemaOptions:
    """How columns are read.

    Attributes
    ----------
    categorical : frozenset of str, or None
        The columns that are categories; None: as their types say.
    scale : str
        Of numbers: ``standard``, ``robust``, ``quantile``, ``minmax`` or ``none``.
    max_categories : int
        The largest number of levels of a category, the shared one of the rare levels included.
    min_frequency : int or float
        Levels that occur less often, as a number of rows or as a share of them, are rare.
    missing_marks : tuple of str
        Texts of the file that mean a missing value; the schema keeps them.
    handle_unknown : str
        ``error`` if a level that is not among these rows is an error later.
    left_out : tuple of IgnoredColumn
        Columns of the file that are not in the table; the schema keeps them.
    written : Written
        How the file is written; the schema keeps it.
    zero_one : bool
        Whether numbers that are all 0 and 1 are a binary.
    remedy : str
        What to do about columns that look like identifiers or free text.
    """

    categorical: frozenset[str] | None = None
    scale: str = "standard"
    max_categories: int = MAX_CATEGORIES
    min_frequency: int | float = 1
    missing_marks: tuple[str, ...] = ()
    handle_unknown: str = INFREQUENT_IF_EXIST
    left_out: tuple[IgnoredColumn, ...] = ()
    written: Written = AS_USUAL
    zero_one: bool = True
    remedy: str = "Drop them, encode them (skrub has encoders), or declare them as categories."
