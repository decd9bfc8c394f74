"""Rows and their reconstructions, as images or as lines over the columns."""

import numpy as np
from numpy.typing import NDArray

from sdae.app.plots.filters import tile_images
from sdae.app.plots.reconstructions import reconstructions_figure

NAMES = ("input", "masking:0.3", "depth 1")


def versions() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(4, 6)).astype(np.float32) for name in NAMES}


def test_images_are_drawn_a_version_per_line_all_rows_side_by_side() -> None:
    rows = versions()
    figure = reconstructions_figure(rows, (3, 2))
    assert [axes.get_ylabel() for axes in figure.axes] == list(NAMES)
    for axes, version in zip(figure.axes, rows.values(), strict=True):
        (image,) = axes.images
        data = np.asarray(image.get_array())
        np.testing.assert_array_equal(data, tile_images(version, (3, 2), n_columns=4))
        assert data.shape == (3, 4 * 3 - 1)
        assert image.get_cmap().name == "gray"
        assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0


def test_other_rows_are_drawn_each_in_a_panel_a_line_per_version() -> None:
    rows = versions()
    figure = reconstructions_figure(rows, None)
    assert [axes.get_ylabel() for axes in figure.axes] == [f"row {row}" for row in range(4)]
    for row, axes in enumerate(figure.axes):
        drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}
        assert list(drawn) == list(NAMES)
        for name, version in rows.items():
            np.testing.assert_array_equal(drawn[name], version[row])
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(NAMES)
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "", "column"]


def test_a_single_row_can_be_drawn() -> None:
    rows = {name: version[:1] for name, version in versions().items()}
    assert len(reconstructions_figure(rows, None).axes) == 1
    assert len(reconstructions_figure(rows, (2, 3)).axes) == 3
