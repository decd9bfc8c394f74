"""Masking and dropout where settings that learn from unlabelled rows have none."""

import pytest

from sdae import StackedDenoisingAutoencoder
from sdae.train.consistency.noise import with_noise
from sdae.train.settings import FinetuningConfig


@pytest.mark.parametrize(("n_columns", "masking"), [(5, 0.05), (29, 0.29), (30, 0.3), (784, 0.3)])
def test_none_means_some_and_little_is_taken_as_given(n_columns: int, masking: float) -> None:
    stack = StackedDenoisingAutoencoder(n_columns, (4,), 2)
    none = with_noise(FinetuningConfig(semi_supervised=("vat",)), stack)
    assert none.dropout == 0.2
    assert none.input_dropout == pytest.approx(masking)
    little = FinetuningConfig(semi_supervised=("vat",), dropout=0.001, input_dropout=0.001)
    assert with_noise(little, stack) == little
    assert with_noise(FinetuningConfig(), stack) == FinetuningConfig()
