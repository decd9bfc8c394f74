"""Arguments and options that several commands share, and their checks."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
import typer

from sdae.app.export.exported_model import check_several_classes
from sdae.app.runs.run_folder import RunFolder, SavedModel
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model
from sdae.core.threads import usable_threads
from sdae.data.task import Task
from sdae.train.history import FINETUNING, PRETRAINING


class Stage(StrEnum):
    """Stages of a run after which its network is saved."""

    pretraining = PRETRAINING
    finetuning = FINETUNING


class TaskChoice(StrEnum):
    """What a target may be for."""

    auto = "auto"
    classification = "classification"
    regression = "regression"
    multilabel = "multilabel"

    @property
    def task(self) -> Task | None:
        """The task; None where the target decides."""
        return None if self is TaskChoice.auto else Task(self)


ModelArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run, or a model.safetensors.")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A table: .csv, .tsv, .txt, .parquet, .feather or .arrow; arrays: .npz or .npy; a "
        "folder of .npy, .parquet, .feather or IDX files; the tutorial's mnist.pkl.gz; or 'mnist' "
        "for the embedded set. - reads a CSV from standard input.",
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Column (or array of an .npz) that holds the labels or values. Give it several times "
        "for columns of 0 and 1, each a label that a row has or does not have."
    ),
]
TaskOption = Annotated[
    TaskChoice,
    typer.Option(
        help="What the target is for. auto: texts and up to 20 different whole numbers are "
        "classes, other numbers values of a regression, several columns are labels."
    ),
]
ClassWeightOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="balanced|CLASS=WEIGHT",
        help="How much rows of a class count: balanced, or several CLASS=WEIGHT.",
    ),
]
LabelsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Keep N labels of the training rows, as many of each class, and hide the others: "
        "their rows serve as rows without labels.",
    ),
]
PartOption = Annotated[
    str,
    typer.Option(
        help="Rows to use, if DATA has parts: train, validation or test. Default: the test part "
        "if there is one, otherwise all rows."
    ),
]
StageOption = Annotated[
    Stage, typer.Option(help="Use the network as it was after this stage of training.")
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Rows of more than this stay on the disk, and then take so much memory: for example "
        "512MB. Default: rows of more than 2 GiB stay there, and take 512 MiB.",
    ),
]


def _checked_folder(context: typer.Context, folder: Path | None) -> Path | None:
    """Return the folder of --scratch, which must be there even where nothing is copied to it."""
    if folder is None or (os.access(folder, os.W_OK | os.X_OK) and folder.is_dir()):
        return folder
    wanted = "a folder that is there and can be written to"
    remedy = "Make it first, or leave it out for the folder of TMPDIR."
    command = f"sdae {context.info_name}"
    raise invalid_parameter("--scratch", command, wanted, str(folder), remedy)


ScratchOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for files that are only needed during training: codes of layers, and copies "
        "of rows that stay on the disk. Default: that of TMPDIR.",
        callback=_checked_folder,
    ),
]
CheckpointOption = Annotated[
    str,
    typer.Option(
        "--checkpoint-every",
        metavar="N",
        help="How often to write a checkpoint, for example 1epoch, 500steps or 60s.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print the last line only.")]


def model_after(folder: RunFolder | SavedModel, stage: Stage) -> Model:
    """Load the model of a run after a stage of training."""
    return folder.pretrained() if stage is Stage.pretraining else folder.model()


def model_of_stage(folder: RunFolder | SavedModel, stage: Stage, command: str) -> Model:
    """Load the model after a stage that `command` is asked for.

    Raises
    ------
    InvalidParameterError
        If a ladder is asked for a stage before its last: it has one.
    """
    model = model_after(folder, stage)
    if stage is Stage.pretraining and isinstance(model.stack, FoldedLadder):
        wanted = "left out for a ladder, which is trained in one stage"
        raise invalid_parameter("--stage", command, wanted, stage.value)
    return model


def with_answers(folder: RunFolder | SavedModel) -> Model:
    """Load the model of a run that has been fine-tuned: it answers with classes or values.

    Raises
    ------
    DataError
        If the run is only pre-trained, or has a single class.
    """
    model = folder.model()
    if model.stack.head_kind is None:
        raise DataError(
            f"{folder.path} is only pre-trained, so it cannot predict. Fine-tune it first with: "
            f"sdae finetune {folder.path} DATA --target COLUMN"
        )
    check_several_classes(model, str(folder.path))
    return model


def use_threads(threads: int | None) -> None:
    """Limit torch to a number of threads, if one is given."""
    if threads is not None:
        torch.set_num_threads(usable_threads(threads))
