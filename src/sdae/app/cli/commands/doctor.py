"""``sdae doctor``: report what went wrong in training, and what to try."""

from pathlib import Path

from sdae.app.cli.options import RunArgument
from sdae.app.cli.terminal import say
from sdae.app.runs.run_folder import RECIPE, RunFolder, open_run
from sdae.core.wording import plain

_MOST_CHARACTERS = 1000


def doctor(run: RunArgument) -> None:
    """Show the findings of the doctor during training: each once, with what to try.

    This works for runs in progress and interrupted runs too.

    Example: sdae doctor runs/mnist-default
    """
    folder = RunFolder(run)
    if not Path(run / RECIPE).is_file():
        open_run(run)  # its error says what is wrong
    records = folder.records()
    found = [(record, finding) for record in records for finding in record.findings]
    for record, finding in found:
        where = record.part.lower()
        text = plain(finding.text, _MOST_CHARACTERS)
        say(f"{plain(finding.kind.capitalize())} ({where}, epoch {record.epoch}): {text}")
    if not found:
        say(f"Nothing found in {len(records)} epochs.")
