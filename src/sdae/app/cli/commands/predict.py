"""``sdae predict``: write labels and probabilities of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sdae.app.cli.options import DataArgument, ModelArgument, PartOption, classifier
from sdae.app.cli.rows_in import load_rows
from sdae.app.cli.rows_out import blocks_of, check_output, write_csv
from sdae.app.cli.terminal import say
from sdae.app.runs.output_paths import files_of, output_file
from sdae.app.runs.prepare import fitting
from sdae.app.runs.run_folder import open_model
from sdae.core.inference import in_blocks, log_probabilities, outputs


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

    def answers() -> Iterator[list[object]]:
        for block in blocks_of(x, len(classes)):
            logits = in_blocks(
                lambda rows: outputs(model.stack, rows), block, model.scaling, model.stack
            )
            probabilities = np.exp(log_probabilities(logits))  # (B, C)
            numbers = probabilities.argmax(axis=1).tolist()
            for number, row in zip(numbers, probabilities.tolist(), strict=True):
                yield [classes[number], *row]

    write_csv(end, ["label", *(f"p_{label}" for label in classes)], answers())
    say(f"{len(x):,} predictions written to {out}")
