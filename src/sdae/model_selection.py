"""Cross-validation of rows of which some have no label: public names of the estimators' room."""

from sdae.estimators.labelled_splits import LabelledKFold, labelled_scorer

__all__ = ["LabelledKFold", "labelled_scorer"]
