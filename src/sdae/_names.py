"""What ``import sdae`` offers beside the estimators: imported, with torch, once it is asked for."""

from sdae import corruption, data
from sdae.autoencoder import DenoisingAutoencoder
from sdae.checkpoints.folder import Checkpoint
from sdae.stack import StackedDenoisingAutoencoder
from sdae.training.finetuning import finetune
from sdae.training.pretraining import pretrain

__all__ = [
    "Checkpoint",
    "DenoisingAutoencoder",
    "StackedDenoisingAutoencoder",
    "corruption",
    "data",
    "finetune",
    "pretrain",
]
