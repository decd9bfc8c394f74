"""Stacked denoising autoencoders: greedy pre-training and fine-tuning, exact and fast."""

from typing import TYPE_CHECKING

from sdae import corruption, data
from sdae.autoencoder import DenoisingAutoencoder
from sdae.checkpoints.folder import Checkpoint
from sdae.stack import StackedDenoisingAutoencoder
from sdae.training.finetuning import finetune
from sdae.training.pretraining import pretrain

if TYPE_CHECKING:
    from sdae.estimators import (
        SDAEClassifier,
        SDAEOutlierDetector,
        SDAERegressor,
        SDAETransformer,
        load,
    )

__all__ = [
    "Checkpoint",
    "DenoisingAutoencoder",
    "SDAEClassifier",
    "SDAEOutlierDetector",
    "SDAERegressor",
    "SDAETransformer",
    "StackedDenoisingAutoencoder",
    "corruption",
    "data",
    "finetune",
    "load",
    "pretrain",
]
__version__ = "0.1.0"

_ESTIMATORS = ("SDAEClassifier", "SDAEOutlierDetector", "SDAERegressor", "SDAETransformer", "load")


def __getattr__(name: str) -> object:
    """Import the estimators, and scikit-learn with them, when they are asked for."""
    if name in _ESTIMATORS:
        from sdae import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'sdae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
