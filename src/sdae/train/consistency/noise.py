"""The noise of labelled rows, and of those that spread labels and teachers are compared on."""

from dataclasses import replace

from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.settings import FinetuningConfig

DROPOUT = 0.2
"""Of hidden units, where the settings have none."""
_MASKING, _MASKING_BY_COLUMN = 0.3, 0.01


def masking_of(stack: StackedDenoisingAutoencoder) -> float:
    """Return the masking of the input; less with few columns, of which a row needs most."""
    layout = stack.autoencoder(0).layout
    n_columns = stack.n_visible if layout is None else layout.blocks.n_columns
    return min(_MASKING, _MASKING_BY_COLUMN * n_columns)


def with_noise(config: FinetuningConfig, stack: StackedDenoisingAutoencoder) -> FinetuningConfig:
    """Return settings with masking and dropout where they learn from unlabelled rows without."""
    if config.semi_supervised is None:
        return config
    return replace(
        config,
        input_dropout=config.input_dropout or masking_of(stack),
        dropout=config.dropout or DROPOUT,
    )
