"""What ``import sdae`` offers beside the estimators: imported, with torch, once it is asked for.

The modules with public names come along, so that ``sdae.errors.DataError`` needs no further import.
"""

from sdae import (
    autoencoder,
    corruption,
    data,
    errors,
    model_file,
    preprocessing,
    specs,
    stack,
    training,
)
from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.finetuning import finetune
from sdae.train.ladder.walk import train_ladder
from sdae.train.pretraining import pretrain

__all__ = [
    "Checkpoint",
    "DenoisingAutoencoder",
    "LadderNetwork",
    "StackedDenoisingAutoencoder",
    "autoencoder",
    "corruption",
    "data",
    "errors",
    "finetune",
    "model_file",
    "preprocessing",
    "pretrain",
    "specs",
    "stack",
    "train_ladder",
    "training",
]
