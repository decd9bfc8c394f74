"""Stacked denoising autoencoders: greedy pre-training and fine-tuning, exact and fast."""

from sdae._version import __version__ as __version__

# not imported from typing: that import is slow, and the command line must start fast
TYPE_CHECKING = False

if TYPE_CHECKING:
    from sdae._names import (
        Checkpoint,
        DenoisingAutoencoder,
        LadderNetwork,
        StackedDenoisingAutoencoder,
        corruption,
        data,
        finetune,
        pretrain,
        train_ladder,
    )
    from sdae.estimators import (
        LadderClassifier,
        LadderRegressor,
        SDAEClassifier,
        SDAEImputer,
        SDAEOutlierDetector,
        SDAERegressor,
        SDAETransformer,
        load,
    )

__all__ = [
    "Checkpoint",
    "DenoisingAutoencoder",
    "LadderClassifier",
    "LadderNetwork",
    "LadderRegressor",
    "SDAEClassifier",
    "SDAEImputer",
    "SDAEOutlierDetector",
    "SDAERegressor",
    "SDAETransformer",
    "StackedDenoisingAutoencoder",
    "corruption",
    "data",
    "finetune",
    "load",
    "pretrain",
    "train_ladder",
]

_ESTIMATORS = (
    "LadderClassifier",
    "LadderRegressor",
    "SDAEClassifier",
    "SDAEImputer",
    "SDAEOutlierDetector",
    "SDAERegressor",
    "SDAETransformer",
    "load",
)


def __getattr__(name: str) -> object:
    """Import a public name on first use: the estimators with scikit-learn, others with torch.

    These imports take seconds; the command line can handle Ctrl-C before they start.
    """
    if name in _ESTIMATORS:
        from sdae import estimators

        return getattr(estimators, name)
    if not name.startswith("_"):
        from sdae import _names

        if name in vars(_names):
            return getattr(_names, name)
        if name in globals():  # a module that these imports have loaded
            return globals()[name]
    raise AttributeError(f"module 'sdae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
