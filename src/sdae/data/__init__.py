"""Where rows come from: the embedded MNIST, and the readers of files.

``table`` says what loaded data are, and ``exact`` in which type they keep their numbers; ``idx``,
``arrays``, ``csv_table``, ``parquet_table`` and ``tutorial_pickle`` each read one format;
``sources`` chooses among them; ``bounds`` says how large a file may become; ``labels`` turns labels
into class numbers; ``splits`` cuts validation and test rows.
"""

from sdae.data.mnist import load_mnist
from sdae.data.sources import load_dataset
from sdae.data.table import Dataset, Split, Splits, Table

__all__ = ["Dataset", "Split", "Splits", "Table", "load_dataset", "load_mnist"]
