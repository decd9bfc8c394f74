"""Grey images as PNG bytes, and grids of them, for pages with many small images.

Axes: n images of V = height × width pixels.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def grey_png(values: NDArray[np.float32], low: float = 0.0, high: float = 1.0) -> bytes:
    """Return a picture (height, width) as an 8-bit PNG: `low` is black, `high` is white.

    The same values give the same bytes.
    """
    shades = (values.astype(np.float64) - low) / ((high - low) or 1.0)
    pixels = np.round(255 * np.clip(shades, 0, 1)).astype(np.uint8)  # (h, w)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG", compress_level=9)
    return written.getvalue()


def side_by_side(
    rows: NDArray[np.float32], image_shape: tuple[int, int], n_columns: int, gap: float
) -> NDArray[np.float32]:
    """Arrange images as a grid, one pixel of value `gap` apart: (n, V) -> (height, width).

    Unlike tiles of filters, they are not stretched.
    """
    height, width = image_shape
    n_lines = -(-len(rows) // n_columns)
    grid = np.full((n_lines * (height + 1) - 1, n_columns * (width + 1) - 1), gap, np.float32)
    for number, row in enumerate(rows):
        top, left = (number // n_columns) * (height + 1), (number % n_columns) * (width + 1)
        grid[top : top + height, left : left + width] = row.reshape(height, width)
    return grid


def shrunk(
    rows: NDArray[np.float32], image_shape: tuple[int, int], most: int
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Leave out lines and columns of images, so that neither side has more than `most` pixels.

    Returns
    -------
    (rows, image_shape)
        (n, V) -> (n, V'), and the height and width of what is left.
    """
    height, width = image_shape
    step = -(-max(height, width) // most)
    if step == 1:
        return rows, image_shape
    small = rows.reshape(-1, height, width)[:, ::step, ::step]  # (n, V) -> (n, h', w')
    return small.reshape(len(small), -1), (small.shape[1], small.shape[2])
