"""A look at a table before anything is trained: what each column is, and what is odd about it.

``inspection`` puts it together; ``columns`` describes a column as training would read it,
``suspects`` (of numbers, of texts) say what may be wrong with one, ``leaks`` whether one alone
predicts the target, and ``target`` what the target is.
"""

from sdae.app.inspection.inspection import Inspection, inspect_table

__all__ = ["Inspection", "inspect_table"]
