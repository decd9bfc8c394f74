"""``sdae predict``: labels and probabilities of rows."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sdae.cli.options import DataArgument, ModelArgument, PartOption, classifier
from sdae.cli.rows_in import load_rows
from sdae.cli.rows_out import check_output, write_csv
from sdae.cli.terminal import say
from sdae.inference import in_blocks, log_probabilities, outputs
from sdae.runs.folder import open_model
from sdae.runs.outputs import files_of, output_file
from sdae.runs.prepare import fitting


def predict(
    run: ModelArgument,
    data: DataArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.csv", help="CSV to write.")],
    part: PartOption = "auto",
) -> None:
    """Write the predicted label and the probability of each class, one line per row.

    Example: sdae predict runs/flowers new.csv -o predicted.csv
    """
    check_output(out, ".csv")
    folder = open_model(run)
    end = output_file(out, [*files_of(folder), data])
    check_output(end, ".csv")
    model = classifier(folder)
    classes = model.classes or tuple(range(model.stack.head.out_features))
    x = fitting(model, load_rows(data, model, part)).x
    logits = in_blocks(lambda rows: outputs(model.stack, rows), x, model.scaling)
    probabilities = np.exp(log_probabilities(logits))  # (n, C)
    labels = (classes[number] for number in probabilities.argmax(axis=1))
    rows = ([label, *row] for label, row in zip(labels, probabilities.tolist(), strict=True))
    write_csv(end, ["label", *(f"p_{label}" for label in classes)], rows)
    say(f"{len(x):,} predictions written to {out}")
