"""What ``import sdae`` offers beside the estimators: imported, with torch, once it is asked for."""

import sdae.training.callbacks
import sdae.training.history  # noqa: F401
from sdae import (
    corruption,
    data,
)
from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.finetuning import finetune
from sdae.train.pretraining import pretrain

__all__ = [
    "Checkpoint",
    "DenoisingAutoencoder",
    "StackedDenoisingAutoencoder",
    "corruption",
    "data",
    "finetune",
    "pretrain",
]
