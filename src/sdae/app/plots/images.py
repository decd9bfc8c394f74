"""Grey images as PNG bytes, pixel by pixel, and grids of them: for pages that hold many small ones.

Axes: n images of V = height × width pixels.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def grey_png(values: NDArray[np.float32], low: float = 0.0, high: float = 1.0) -> bytes:
    """Return a picture (height, width) as a PNG of 8 bits: `low` is black, `high` white.

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
    """Lay images out as a grid, one pixel of value `gap` apart: (n, V) -> (height, width).

    Unlike the tiles of filters they keep their values.
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
