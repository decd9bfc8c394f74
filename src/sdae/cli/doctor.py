"""``sdae doctor``: what went wrong in training, and what to try."""

from pathlib import Path

from sdae.cli.options import RunArgument
from sdae.runs.folder import RECIPE, RunFolder, open_run


def doctor(run: RunArgument) -> None:
    """Tell what the doctor found while a run was trained: each finding once, with what to try.

    A run in progress, or one that was cut short, can be asked too.

    Example: sdae doctor runs/mnist-default
    """
    folder = RunFolder(run)
    if not Path(run / RECIPE).is_file():
        open_run(run)  # which says what is wrong
    records = folder.records()
    found = [(record, finding) for record in records for finding in record.findings]
    for record, finding in found:
        where = "fine-tuning" if record.layer is None else f"layer {record.layer}"
        print(f"{finding.kind.capitalize()} ({where}, epoch {record.epoch}): {finding.text}")
    if not found:
        print(f"Nothing found in {len(records)} epochs.")
