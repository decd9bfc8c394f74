"""``sdae denoise``: reconstruct rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from sdae.app.cli.commands.encode import depth_after
from sdae.app.cli.options import (
    DataArgument,
    ModelArgument,
    PartOption,
    Stage,
    StageOption,
    model_after,
)
from sdae.app.cli.rows_in import load_rows
from sdae.app.cli.rows_out import (
    blocks_of,
    check_output,
    ids_for,
    output_of,
    say_written,
    write_rows,
)
from sdae.app.cli.table_options import IdOption, content_of
from sdae.app.runs.model_rows import TO_LEAVE_OUT, fitting
from sdae.app.runs.run_folder import open_model
from sdae.core.errors import invalid_parameter
from sdae.core.inference import rebuilding_depths, rebuilt
from sdae.core.ladder.folded import FoldedLadder

_KINDS = (".npy", ".csv")


def denoise(
    run: ModelArgument,
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help=".npy or .csv file to write, or -.")
    ],
    layer: Annotated[
        int | None,
        typer.Option(help="Encode up to this layer before decoding, from 0. Default: 0."),
    ] = None,
    stage: StageOption = Stage.pretraining,
    part: PartOption = "auto",
    id: IdOption = None,
) -> None:
    """Reconstruct rows, taken as corrupted, and write them in their original units.

    Numbers are float64 if the model scales columns, otherwise float32.

    Layer 0 keeps most detail; a deeper layer smooths more; a ladder takes all layers. This uses the
    network before fine-tuning: fine-tuning changes the encoders, so the decoders no longer match.

    Example: sdae denoise runs/flowers noisy.csv -o clean.csv
    """
    check_output(out, *_KINDS)
    folder = open_model(run)
    end, _ = output_of(out, folder, data, _KINDS)
    model = model_after(folder, stage)
    if isinstance(model.stack, FoldedLadder) and layer is not None:
        wanted = "left out for a ladder, which reconstructs from all its layers"
        raise invalid_parameter("--layer", "sdae denoise", wanted, layer)
    depth = depth_after(model.stack, layer, default=rebuilding_depths(model.stack)[0])
    if model.schema is not None:  # an array holds numbers only
        check_output(end, ".csv")
    content = content_of(data)
    x = fitting(model, load_rows(data, model, part, content=content), TO_LEAVE_OUT).x
    n_columns = x.shape[1]

    def denoised(block: NDArray[np.floating]) -> NDArray[Any]:
        rows = rebuilt(model.stack, block, model.scaling, depth)
        if model.schema is not None:
            return model.schema.decoded_rows(rows)
        return rows if model.scaling is None else model.scaling.undo(rows)

    names: Sequence[str] = model.feature_names or [f"x{column}" for column in range(n_columns)]
    if model.schema is not None:
        names = model.schema.names
    ids = ids_for(end, data, model, id, content, names)
    write_rows(end, map(denoised, blocks_of(x, n_columns)), len(x), names, ids)
    through = f"layer {depth - 1}"
    if isinstance(model.stack, FoldedLadder):
        through = "all layers"
    say_written(out, f"{len(x):,} rows reconstructed through {through}")
