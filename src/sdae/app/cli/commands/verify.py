"""``sdae verify``: check that files have not changed since they were written."""

import typer

from sdae.app.cli.options import ModelArgument
from sdae.app.cli.terminal import say
from sdae.app.runs.verification import verify as verify_files


def verify(run: ModelArgument) -> None:
    """Check every file of a run, or a model: hashes, shapes, types, and that numbers are finite.

    The exit code is 1 if something is wrong.

    Example: sdae verify runs/mnist-default
    """
    n_wrong = 0
    for verdict in verify_files(run):
        say(f"{verdict.name}: {'intact' if verdict.problem is None else verdict.problem}")
        n_wrong += verdict.problem is not None
    if n_wrong:
        say(
            f"{n_wrong} damaged. Do not use damaged files: restore them from a copy, or train "
            "again."
        )
        raise typer.Exit(1)
    say("All files are as they were written.")
