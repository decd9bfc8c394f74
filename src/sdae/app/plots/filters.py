"""Filters of hidden units: their weights as tiled images, as in the tutorial."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdae.app.plots.figure import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def filters_figure(
    filters: NDArray[np.float32], image_shape: tuple[int, int], title: str
) -> "Figure":
    """Draw filters as tiled images.

    Parameters
    ----------
    filters : ndarray, shape (F, V)
        One per hidden unit: the weights of its inputs.
    image_shape : (int, int)
        Height and width, V in all.
    title : str
        Title above the picture.
    """
    figure = new_figure(6.4, 6.7)
    axes = figure.add_subplot()
    axes.imshow(tile_images(filters, image_shape), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title)
    axes.set_axis_off()
    return figure


def tile_images(
    rows: NDArray[np.float32], image_shape: tuple[int, int], n_columns: int | None = None
) -> NDArray[np.float32]:
    """Arrange rows as a grid of images, each stretched to [0, 1], one black pixel apart.

    Parameters
    ----------
    rows : ndarray, shape (n, V)
        One image per row.
    image_shape : (int, int)
        Height and width.
    n_columns : int or None
        Images side by side; None makes the grid about square.

    Returns
    -------
    ndarray of float32
        The grid, (grid rows × (height + 1) − 1, grid columns × (width + 1) − 1).
    """
    height, width = image_shape
    n_columns = n_columns or math.ceil(math.sqrt(len(rows)))
    n_rows = math.ceil(len(rows) / n_columns)
    grid = np.zeros((n_rows * (height + 1) - 1, n_columns * (width + 1) - 1), np.float32)
    for number, row in enumerate(rows):
        low, high = float(row.min()), float(row.max())
        image = ((row - low) / (high - low or 1.0)).reshape(height, width)  # (V,) -> (h, w)
        top, left = (number // n_columns) * (height + 1), (number % n_columns) * (width + 1)
        grid[top : top + height, left : left + width] = image
    return grid
