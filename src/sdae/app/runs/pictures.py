"""The pictures of a run, drawn from its model, its history and some of its rows.

Axes: n rows, V columns.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.app.plots.curves import curves_figure
from sdae.app.plots.figure import write_png
from sdae.app.plots.filters import filters_figure
from sdae.app.plots.reconstructions import reconstructions_figure
from sdae.app.runs.run_folder import RunFolder
from sdae.core.corruption import corrupt
from sdae.core.errors import DataError, MissingExtraError
from sdae.core.inference import rebuilding_depths
from sdae.core.model_file import Model
from sdae.core.randomness import NoiseKey, Stream
from sdae.train.history import EpochRecord

N_ROWS = 10


def draw_filters(
    model: Model,
    path: Path,
    image_shape: tuple[int, int] | None = None,
    n_filters: int = 100,
    layer: int = 0,
) -> None:
    """Draw the filters of a layer as images of the input.

    The filter of a unit in an upper layer is the weighted sum of the filters of the layer below,
    and so on down to the input (Lee, Ekanadham and Ng 2008); this ignores the non-linearities in
    between.

    Raises
    ------
    DataError
        If the rows are not images, so the filters cannot be drawn.
    """
    shape = image_shape or model.image_shape
    if shape is None:
        raise DataError(
            "The rows of this run are not known to be images, so its filters cannot be drawn. If "
            "they are images, give their shape, as in --image-shape 28x28."
        )
    if shape[0] * shape[1] != model.stack.n_visible:
        raise DataError(
            f"An image of {shape[0]}x{shape[1]} has {shape[0] * shape[1]} pixels, but the rows of "
            f"this run have {model.stack.n_visible}."
        )
    with torch.no_grad():
        filters = model.stack.autoencoder(layer).weight[:n_filters]  # (F, H_below)
        for below in reversed(range(layer)):
            filters = filters @ model.stack.autoencoder(below).weight  # (F, H) (H, V) -> (F, V)
    n_units = model.stack.hidden_layer_sizes[layer]
    title = f"Filters of the first {len(filters)} of {n_units} units of layer {layer}"
    write_png(filters_figure(filters.detach().cpu().numpy(), shape, title), path)


def draw_curves(records: list[EpochRecord], path: Path) -> None:
    """Draw the learning curves."""
    write_png(curves_figure(records), path)


def redraw_curves(folder: RunFolder) -> None:
    """Draw the learning curves of a run again, if matplotlib is installed."""
    with suppress(MissingExtraError):
        draw_curves(folder.records(), folder.plots() / "curves.png")


def draw_reconstructions(
    model: Model, x: NDArray[np.float32], path: Path, image_shape: tuple[int, int] | None = None
) -> None:
    """Draw the first rows of `x` (scaled, (n, V)): original, corrupted, and reconstructed.

    They are corrupted by the noise of the first layer; one reconstruction per depth starts from the
    corrupted rows. Of a ladder, whose noise is on all layers, there is one.
    """
    stack = model.stack
    clean = torch.from_numpy(x[:N_ROWS].copy()).to(stack.autoencoder(0).weight)  # (n, V)
    key = NoiseKey(0, Stream.MODULE_CORRUPTION)
    noise = stack.autoencoder(0).corruption
    columns = stack.autoencoder(0).columns
    x_tilde = corrupt(clean, noise, key, np.arange(len(clean)), columns=columns).x_tilde
    versions = {"input": clean, str(noise): x_tilde}
    with torch.no_grad():
        for depth in rebuilding_depths(stack):
            versions[f"depth {depth}"] = stack.reconstruct(x_tilde, depth)
    arrays = {name: version.cpu().numpy() for name, version in versions.items()}
    write_png(reconstructions_figure(arrays, image_shape or model.image_shape), path)
