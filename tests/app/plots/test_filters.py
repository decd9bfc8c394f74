"""Filters: rows laid out as a grid of images, each stretched to [0, 1]."""

import numpy as np
import pytest

from sdae.app.plots.filters import filters_figure, tile_images


def test_a_single_image_is_stretched_to_its_own_range() -> None:
    grid = tile_images(np.array([[2, 4, 6, 10, 8, 2]], np.float32), (2, 3))
    assert grid.dtype == np.float32
    assert grid.tolist() == [[0.0, 0.25, 0.5], [1.0, 0.75, 0.0]]


def test_images_follow_each_other_row_by_row_one_black_pixel_apart() -> None:
    rows = np.array([[0, 1], [1, 0], [-3, 5], [7, 6], [0, 2]], np.float32)
    a, b = [0.0, 1.0], [1.0, 0.0]
    assert tile_images(rows, (1, 2)).tolist() == [
        [*a, 0, *b, 0, *a],
        [0] * 8,
        [*b, 0, *a, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "shape"),
    [
        (1, None, (2, 3)),
        (2, None, (2, 7)),
        (4, None, (5, 7)),
        (5, None, (5, 11)),
        (10, None, (8, 15)),
        (5, 5, (2, 19)),
        (5, 1, (14, 3)),
        (2, 4, (2, 15)),
    ],
)
def test_the_grid_is_about_square_or_as_wide_as_asked(
    n_rows: int, n_columns: int | None, shape: tuple[int, int]
) -> None:
    rows = np.tile(np.array([0, 1, 2, 3, 4, 5], np.float32), (n_rows, 1))
    assert tile_images(rows, (2, 3), n_columns).shape == shape


def test_a_constant_image_is_black() -> None:
    grid = tile_images(np.array([[7, 7], [0, 1]], np.float32), (2, 1))
    assert grid.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_rows_are_left_as_they_are() -> None:
    rows = np.array([[1, 5], [2, 3]], np.float32)
    rows.flags.writeable = False
    tile_images(rows, (1, 2))
    assert rows.tolist() == [[1, 5], [2, 3]]


def test_the_figure_shows_the_grid_in_grey_from_black_to_white() -> None:
    filters = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    figure = filters_figure(filters, (2, 3), "What units look for")
    (axes,) = figure.axes
    assert axes.get_title() == "What units look for"
    assert not axes.axison
    (image,) = axes.images
    data = image.get_array()
    assert data is not None
    np.testing.assert_array_equal(np.asarray(data), tile_images(filters, (2, 3)))
    assert image.get_clim() == (0, 1)
    assert image.get_cmap().name == "gray"


def test_filters_that_have_learned_nothing_are_black() -> None:
    figure = filters_figure(np.ones((4, 6), np.float32), (2, 3), "Nothing")
    assert figure.axes[0].images[0].get_clim() == (0, 1)
