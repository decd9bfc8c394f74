"""The stacked denoising autoencoder: public names of :mod:`sdae.core.stack`."""

from sdae.core.stack import StackedDenoisingAutoencoder

__all__ = ["StackedDenoisingAutoencoder"]
