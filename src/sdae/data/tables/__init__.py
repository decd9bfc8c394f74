"""Tables from files, of columns of any type: CSV, Parquet, Feather, packed or not.

``options`` says how a file is read, ``formats`` which files are, ``reading`` chooses the reader,
``unpacking`` unpacks within bounds; ``csv_file`` reads texts and ``text_kinds`` finds their types
with the ``dialect`` of their numbers; ``arrow_file`` reads Parquet and Feather, ``arrow_columns``
their types, and ``arrow_messages`` says how much Feather unpacks to; ``whole_file`` keeps a file as
it is for ``csv_cells`` and ``arrow_cells``, which write it with its gaps filled.
"""

from sdae.data.tables.formats import is_table
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.reading import TableFile, read_table

__all__ = ["ReadOptions", "TableFile", "is_table", "read_table"]
