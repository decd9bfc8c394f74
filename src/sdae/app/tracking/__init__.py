"""Track a training in TensorBoard or MLflow: scalars, settings and pictures.

Both are extras. :class:`Tracking` is a callback for the command line and for ``pretrain`` and
``finetune``; each tracker is a small class in its own file.
"""

from sdae.app.tracking.mlflow_tracker import MlflowTracker
from sdae.app.tracking.tensorboard_tracker import TensorboardTracker
from sdae.app.tracking.tracker import Tracker, Tracking

__all__ = ["MlflowTracker", "TensorboardTracker", "Tracker", "Tracking"]
