"""What goes into the gaps of one column of a file.

Axes: m gaps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import ColumnType


@dataclass(frozen=True, eq=False)
class FilledColumn:
    """The values for the gaps of one column.

    Attributes
    ----------
    name : str
    type : ColumnType
    rows : ndarray of int64, shape (m,)
        The rows of the gaps, ascending.
    values : ndarray, shape (m,)
        Numbers, 0 and 1 for booleans, texts, or seconds since 1970.
    whole : bool
        Whether the numbers are whole.
    """

    name: str
    type: ColumnType
    rows: NDArray[np.int64]
    values: NDArray[Any]
    whole: bool = False
