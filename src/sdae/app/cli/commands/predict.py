"""``sdae predict``: write labels and probabilities of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sdae.app.cli.options import DataArgument, ModelArgument, PartOption, with_answers
from sdae.app.cli.rows_in import load_rows
from sdae.app.cli.rows_out import (
    blocks_of,
    check_output,
    ids_for,
    output_of,
    say_written,
    write_named,
)
from sdae.app.cli.table_options import IdOption, content_of
from sdae.app.export.exported_model import target_scaling_of, undone
from sdae.app.runs.model_rows import TO_LEAVE_OUT, fitting, outputs_of
from sdae.app.runs.prepared_data import Classes
from sdae.app.runs.run_folder import open_model
from sdae.core.inference import answers, outputs, probabilities
from sdae.core.kinds.heads import Head

_KINDS = (".csv",)


def predict(
    run: ModelArgument,
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.csv", help="CSV to write, or -.")
    ],
    part: PartOption = "auto",
    id: IdOption = None,
) -> None:
    """Write the predicted label and the probability of each class, one line per row.

    With several labels write 0 or 1 for each, then their probabilities; of a regression the
    predicted values.

    Example: sdae predict runs/flowers new.csv -o predicted.csv
    """
    check_output(out, *_KINDS)
    folder = open_model(run)
    end, _ = output_of(out, folder, data, _KINDS)
    model = with_answers(folder)
    described = outputs_of(model)
    assert described is not None  # it has a head
    head, classes = described
    scaling, content = target_scaling_of(model), content_of(data)
    x = fitting(model, load_rows(data, model, part, content=content), TO_LEAVE_OUT).x

    def lines() -> Iterator[list[object]]:
        for block in blocks_of(x, len(classes)):
            raw = outputs(model.stack, block, model.scaling)
            if head.facts.probabilities is None:
                yield from undone(answers(head, raw).astype(np.float64), scaling).tolist()
                continue
            p = probabilities(head, raw)  # (B, O)
            found = [[classes[number]] for number in p.argmax(axis=1).tolist()]
            if not head.facts.picks_one:
                found = (raw > 0).astype(int).tolist()
            for answer, row in zip(found, p.tolist(), strict=True):
                yield [*answer, *row]

    header = _header(head, classes)
    write_named(end, ids_for(end, data, model, id, content, header), header, lines())
    say_written(out, f"{len(x):,} predictions")


def _header(head: Head, classes: Classes) -> list[str]:
    """Return the names of the columns: answers first, then probabilities."""
    names = [str(label) for label in classes]
    if head.facts.probabilities is None:
        return ["prediction"] if len(names) == 1 else names
    answered = ["label"] if head.facts.picks_one else names
    prefix = "p_"
    while not {f"{prefix}{label}" for label in names}.isdisjoint(answered):
        prefix = f"p{prefix}"  # as of the labels "a" and "p_a"
    return [*answered, *(f"{prefix}{label}" for label in names)]
