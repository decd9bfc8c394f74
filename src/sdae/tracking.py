"""Following a training in TensorBoard or MLflow: public names of :mod:`sdae.app.tracking`."""

from sdae.app.tracking import MlflowTracker, TensorboardTracker, Tracker, Tracking

__all__ = ["MlflowTracker", "TensorboardTracker", "Tracker", "Tracking"]
