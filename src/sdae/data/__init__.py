"""Loading data: the embedded MNIST, and the readers of files.

``table`` defines loaded data, and ``exact`` the type of their numbers; ``idx``, ``array_files``,
``csv_table``, ``parquet_table`` and ``tutorial_pickle`` each read one format; ``sources`` chooses
among them; ``bounds`` limits the memory that a file may take; ``labels`` turns labels into class
numbers; ``splits`` cuts validation and test rows; ``stored`` leaves rows on the disk.
"""

from sdae.data.mnist import load_mnist
from sdae.data.sources import load_dataset
from sdae.data.stored.converting import convert
from sdae.data.stored.opening import open_rows
from sdae.data.stored.rows import DiskRows
from sdae.data.stored.table_opening import open_table
from sdae.data.table import Dataset, Split, Splits, Table

__all__ = [
    "Dataset",
    "DiskRows",
    "Split",
    "Splits",
    "Table",
    "convert",
    "load_dataset",
    "load_mnist",
    "open_rows",
    "open_table",
]
