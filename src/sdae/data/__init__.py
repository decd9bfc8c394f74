"""Loading data: the embedded MNIST, and the readers of files.

``table`` defines loaded data, and ``exact`` the type of their numbers; ``idx``, ``array_files``,
``csv_table``, ``parquet_table`` and ``tutorial_pickle`` each read one format; ``sources`` chooses
among them; ``bounds`` limits the memory that a file may take; ``labels`` turns labels into class
numbers; ``splits`` cuts validation and test rows.
"""

from sdae.data.mnist import load_mnist
from sdae.data.sources import load_dataset
from sdae.data.table import Dataset, Split, Splits, Table

__all__ = ["Dataset", "Split", "Splits", "Table", "load_dataset", "load_mnist"]
