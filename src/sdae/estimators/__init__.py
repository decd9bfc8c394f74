"""The scikit-learn estimators, which pre-train on all rows and fine-tune on labelled ones."""

from sdae.estimators.classifier import SDAEClassifier
from sdae.estimators.imputer import SDAEImputer
from sdae.estimators.ladder import LadderClassifier, LadderRegressor
from sdae.estimators.outliers import SDAEOutlierDetector
from sdae.estimators.regressor import SDAERegressor
from sdae.estimators.saving import load
from sdae.estimators.transformer import SDAETransformer

__all__ = [
    "LadderClassifier",
    "LadderRegressor",
    "SDAEClassifier",
    "SDAEImputer",
    "SDAEOutlierDetector",
    "SDAERegressor",
    "SDAETransformer",
    "load",
]
