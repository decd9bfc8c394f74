"""MLflow: a run of an experiment, in the store that ``MLFLOW_TRACKING_URI`` names."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdae.core.errors import FileAccessError, InvalidParameterError, MissingExtraError
from sdae.core.wording import plain, reason

_MOST_PARAMETERS = 100  # the maximum per call of MLflow
_STORES = (
    "The MLflow client can use a server (set MLFLOW_TRACKING_URI=http://…) or, with "
    "MLFLOW_ALLOW_FILE_STORE=true, a folder (MLFLOW_TRACKING_URI=mlruns). A database, which is the "
    "default, needs the full MLflow. Install it with: pip install mlflow"
)


class MlflowTracker:
    """Stores one training as a run of MLflow.

    Parameters
    ----------
    experiment : str
        Name of the experiment, created if needed.
    run_name : str
        Name of the run in MLflow.

    Raises
    ------
    MissingExtraError
        If mlflow is not installed.
    InvalidParameterError
        If the name of the experiment is empty.
    FileAccessError
        If the store cannot be reached or written.
    """

    name = "MLflow"

    def __init__(self, experiment: str, run_name: str) -> None:
        check_mlflow()
        from mlflow import MlflowClient, get_tracking_uri
        from mlflow.exceptions import MlflowException

        if not experiment.strip():
            raise InvalidParameterError(
                "The MLflow experiment must have a name. Got an empty name instead."
            )
        try:
            self._client: Any = MlflowClient()
            found = self._client.get_experiment_by_name(experiment)
            number = found.experiment_id if found else self._client.create_experiment(experiment)
            self._run: str = self._client.create_run(number, run_name=run_name).info.run_id
        except (MlflowException, OSError) as error:
            raise FileAccessError(
                f"MLflow cannot start a run of experiment {plain(experiment)} in "
                f"{get_tracking_uri()}: {reason(error)}. {_STORES}"
            ) from None

    def settings(self, values: Mapping[str, str]) -> None:
        """Store the settings as parameters."""
        from mlflow.entities import Param

        parameters = [Param(name, value) for name, value in values.items()]
        for start in range(0, len(parameters), _MOST_PARAMETERS):
            part = parameters[start : start + _MOST_PARAMETERS]
            self._client.log_batch(self._run, params=part)

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """Store values as metrics, with the epoch as the step."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, epoch) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def picture(self, name: str, path: Path) -> None:  # noqa: ARG002 - the file has its name
        """Store a file as an artifact."""
        self._client.log_artifact(self._run, str(path), "pictures")

    def close(self, *, finished: bool) -> None:
        """End the run."""
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")


def check_mlflow() -> None:
    """Raise an error if mlflow is missing.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import mlflow  # noqa: F401 - checks that it is installed
    except ImportError:
        raise MissingExtraError(
            'Tracking with MLflow needs mlflow. Install it with: pip install "sdae[mlflow]"'
        ) from None
