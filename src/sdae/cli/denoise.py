"""``sdae denoise``: rows reconstructed."""

from pathlib import Path
from typing import Annotated

import typer

from sdae.cli.encode import depth_after
from sdae.cli.options import (
    DataArgument,
    ModelArgument,
    PartOption,
    Stage,
    StageOption,
    model_after,
)
from sdae.cli.rows_in import load_rows
from sdae.cli.rows_out import check_output, write_rows
from sdae.cli.terminal import say
from sdae.inference import in_blocks, rebuilt
from sdae.runs.folder import open_model
from sdae.runs.outputs import files_of, output_file
from sdae.runs.prepare import fitting


def denoise(
    run: ModelArgument,
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help=".npy or .csv file to write.")
    ],
    layer: Annotated[
        int, typer.Option(help="Encode up to this layer before decoding, from 0.")
    ] = 0,
    stage: StageOption = Stage.pretraining,
    part: PartOption = "auto",
) -> None:
    """Take rows as corrupted, reconstruct them, and write them in their own units.

    Layer 0 keeps most detail; a deeper layer smooths more. The network as pre-trained is used:
    fine-tuning moves the encoders away from what the decoders undo.

    Example: sdae denoise runs/flowers noisy.csv -o clean.csv
    """
    check_output(out, ".npy", ".csv")
    folder = open_model(run)
    end = output_file(out, [*files_of(folder), data])
    check_output(end, ".npy", ".csv")
    model = model_after(folder, stage)
    depth = depth_after(model.stack, layer, default=1)
    x = fitting(model, load_rows(data, model, part)).x
    rows = in_blocks(lambda block: rebuilt(model.stack, block, depth), x, model.scaling)
    if model.scaling is not None:
        rows = model.scaling.undo(rows)
    names = model.feature_names or [f"x{column}" for column in range(rows.shape[1])]
    write_rows(end, rows, names)
    say(f"{len(rows):,} rows reconstructed through layer {depth - 1} written to {out}")
