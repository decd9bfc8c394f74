"""The list of commands: what each does, and how its file is imported when it is called.

Most commands need PyTorch, which takes a second or two to load: the list does without.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from sdae.core.errors import InvalidParameterError

VARIABLES = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
"""What a launcher of several processes sets in the environment."""


class Listed(NamedTuple):
    """A command in the list.

    Attributes
    ----------
    what : str
        What it does, in at most 64 characters.
    file : callable
        Imports the file with the function of its name.
    is_shared : bool
        Whether several processes may run it together.
    """

    what: str
    file: Callable[[], ModuleType]
    is_shared: bool = False


COMMANDS = {
    "inspect": Listed(
        "Look at a table: its columns, its target, all that is suspect.",
        lambda: import_module("sdae.app.cli.commands.inspect"),
    ),
    "train": Listed(
        "Pre-train layer by layer, fine-tune on labels, save the run.",
        lambda: import_module("sdae.app.cli.commands.train"),
        is_shared=True,
    ),
    "resume": Listed(
        "Continue a run that was interrupted or killed.",
        lambda: import_module("sdae.app.cli.commands.resume"),
        is_shared=True,
    ),
    "finetune": Listed(
        "Fine-tune the network of a run on labelled rows, in place.",
        lambda: import_module("sdae.app.cli.commands.finetune"),
    ),
    "evaluate": Listed(
        "Print how good the answers on labelled rows are.",
        lambda: import_module("sdae.app.cli.commands.evaluate"),
    ),
    "predict": Listed(
        "Write the label and the probabilities of each row.",
        lambda: import_module("sdae.app.cli.commands.predict"),
    ),
    "encode": Listed(
        "Write the codes of a layer, one line per row.",
        lambda: import_module("sdae.app.cli.commands.encode"),
    ),
    "denoise": Listed(
        "Reconstruct rows, taken as corrupted, in their units.",
        lambda: import_module("sdae.app.cli.commands.denoise"),
    ),
    "impute": Listed(
        "Fill the gaps of a table, and write it with all its columns.",
        lambda: import_module("sdae.app.cli.commands.impute"),
    ),
    "info": Listed(
        "Print the network, its data, its training and its results.",
        lambda: import_module("sdae.app.cli.commands.info"),
    ),
    "plot": Listed(
        "Draw filters, learning curves, or rows reconstructed.",
        lambda: import_module("sdae.app.cli.commands.plot"),
    ),
    "doctor": Listed(
        "Show what the doctor found in training, and what to try.",
        lambda: import_module("sdae.app.cli.commands.doctor"),
    ),
    "report": Listed(
        "Write one HTML file about a run.",
        lambda: import_module("sdae.app.cli.commands.report"),
    ),
    "export": Listed(
        "Write the model for other programs: ONNX, NumPy, PyTorch.",
        lambda: import_module("sdae.app.cli.commands.export"),
    ),
    "verify": Listed(
        "Check every file of a run, or a model.",
        lambda: import_module("sdae.app.cli.commands.verify"),
    ),
    "compare": Listed(
        "Compare pre-training with the same network without.",
        lambda: import_module("sdae.app.cli.commands.compare"),
    ),
    "runs": Listed(
        "List runs with their results.",
        lambda: import_module("sdae.app.cli.commands.runs"),
    ),
    "diff": Listed(
        "Show what differs between two runs.",
        lambda: import_module("sdae.app.cli.commands.runs"),
    ),
    "convert": Listed(
        "Rewrite rows of any number, so that training reads the disk.",
        lambda: import_module("sdae.app.cli.commands.convert"),
    ),
    "watch": Listed(
        "Show the progress of a run until it is finished.",
        lambda: import_module("sdae.app.cli.commands.watch"),
    ),
}


def may_run(command: str | None, environment: Mapping[str, str]) -> bool:
    """Return whether a command may run in this process; False if the first process says why not.

    Raises
    ------
    InvalidParameterError
        If this is the first of several processes, and the command is for one.
    """
    several = environment.keys() >= VARIABLES and environment["WORLD_SIZE"] != "1"
    if not several or command is None or COMMANDS[command].is_shared:
        return True
    if environment["RANK"] == "0":
        shared = " and ".join(f"sdae {name}" for name, each in COMMANDS.items() if each.is_shared)
        raise InvalidParameterError(
            f"sdae {command} runs in one process, and torchrun started "
            f"{environment['WORLD_SIZE']}. Only {shared} can be shared by several processes."
        )
    return False
