"""The options ``--tensorboard`` and ``--mlflow``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sdae.app.recipes.recipe import Recipe, flat_settings
from sdae.app.runs.output_paths import check_apart, output_folder
from sdae.app.tracking import MlflowTracker, TensorboardTracker, Tracker, Tracking
from sdae.app.tracking.mlflow_tracker import check_mlflow
from sdae.app.tracking.tensorboard_tracker import check_tensorboard
from sdae.core.errors import InvalidParameterError

TensorboardOption = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Write TensorBoard events to FOLDER/RUN."),
]
MlflowOption = Annotated[
    str | None,
    typer.Option(metavar="EXPERIMENT", help="Log to MLflow, as a run of this experiment."),
]


@dataclass(frozen=True)
class Trackers:
    """The trackers to use; one that is not installed raises an error at once.

    Raises
    ------
    MissingExtraError
        If a tracker is not installed.
    InvalidParameterError
        If the folder has no name.
    """

    tensorboard: str | None
    mlflow: str | None

    def __post_init__(self) -> None:
        """Check that they are installed."""
        if self.tensorboard is not None:
            if not self.tensorboard.strip():
                raise InvalidParameterError(
                    "--tensorboard must name a folder. Got an empty text instead."
                )
            check_tensorboard()
        if self.mlflow is not None:
            check_mlflow()

    def check(self, run: Path) -> None:
        """Raise an error if events would be written into the folder of a run.

        Raises
        ------
        FileAccessError
            If the folder of events belongs to a run.
        """
        if self.tensorboard is not None:
            folder = Path(self.tensorboard) / run.resolve().name
            output_folder(folder)
            check_apart([run, folder])

    def open(self, run: Path, recipe: Recipe) -> Tracking:
        """Start tracking the training of a run.

        Raises
        ------
        FileAccessError
            If a folder cannot be written, or a store cannot be reached.
        """
        name = run.resolve().name
        opened: list[Tracker] = []
        if self.tensorboard is not None:
            opened.append(TensorboardTracker(Path(self.tensorboard) / name))
        if self.mlflow is not None:
            opened.append(MlflowTracker(self.mlflow, name))
        return Tracking(opened, flat_settings(recipe))
