"""One denoising autoencoder: public names of :mod:`sdae.core.autoencoder`."""

from sdae.core.autoencoder import DenoisingAutoencoder

__all__ = ["DenoisingAutoencoder"]
