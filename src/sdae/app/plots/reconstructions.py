"""Rows and their reconstructions: the input, the corrupted input, and the network's output."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdae.app.plots.figure import new_figure
from sdae.app.plots.filters import tile_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reconstructions_figure(
    rows: Mapping[str, NDArray[np.float32]], image_shape: tuple[int, int] | None
) -> "Figure":
    """Draw versions of the same rows below each other.

    Parameters
    ----------
    rows : mapping of str to ndarray of shape (n, V)
        The versions by name, the input first.
    image_shape : (int, int) or None
        Height and width; None draws each row as a line over its columns.
    """
    n_rows = len(next(iter(rows.values())))
    if image_shape is not None:
        figure = new_figure(0.75 * n_rows + 1.6, 0.85 * len(rows))
        panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
        for axes, (name, version) in zip(panels, rows.items(), strict=True):
            axes.imshow(tile_images(version, image_shape, n_columns=n_rows), cmap="gray")
            axes.set_ylabel(name, rotation=0, ha="right", va="center")
            axes.set_xticks([])
            axes.set_yticks([])
        return figure
    figure = new_figure(8, 1.8 * n_rows)
    panels = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    for number, axes in enumerate(panels):
        for name, version in rows.items():
            axes.plot(version[number], marker=".", label=name, alpha=0.7)
        axes.set_ylabel(f"row {number}")
    panels[0].legend(fontsize=8, ncols=len(rows))
    panels[-1].set_xlabel("column")
    return figure
