"""Stacked denoising autoencoders: greedy pre-training and fine-tuning, exact and fast."""

from sdae import corruption, data
from sdae.autoencoder import DenoisingAutoencoder
from sdae.stack import StackedDenoisingAutoencoder
from sdae.training.finetuning import finetune
from sdae.training.pretraining import pretrain

__all__ = [
    "DenoisingAutoencoder",
    "StackedDenoisingAutoencoder",
    "corruption",
    "data",
    "finetune",
    "pretrain",
]
__version__ = "0.1.0"
