"""``sdae encode``: write the codes of rows."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from sdae.app.cli.options import (
    DataArgument,
    ModelArgument,
    PartOption,
    Stage,
    StageOption,
    model_of_stage,
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
from sdae.core.inference import codes
from sdae.core.stack import StackedDenoisingAutoencoder

_KINDS = (".npy", ".csv")


def encode(
    run: ModelArgument,
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help=".npy or .csv file to write, or -.")
    ],
    layer: Annotated[
        int | None, typer.Option(help="Layer whose codes to write, from 0. Default: the deepest.")
    ] = None,
    stage: StageOption = Stage.finetuning,
    part: PartOption = "auto",
    id: IdOption = None,
) -> None:
    """Write the codes of a layer, one row of float32 per row of data.

    Example: sdae encode runs/flowers new.csv --layer 0 -o codes.npy
    """
    check_output(out, *_KINDS)
    folder = open_model(run)
    end, _ = output_of(out, folder, data, _KINDS)
    model = model_of_stage(folder, stage, "sdae encode")
    depth = depth_after(model.stack, layer, default=model.stack.n_layers)
    content = content_of(data)
    x = fitting(model, load_rows(data, model, part, content=content), TO_LEAVE_OUT).x
    n_units = model.stack.hidden_layer_sizes[depth - 1]

    def encoded(block: NDArray[np.floating]) -> NDArray[np.float32]:
        return codes(model.stack, block, model.scaling, depth)

    names = [f"h{unit}" for unit in range(n_units)]
    ids = ids_for(end, data, model, id, content, names)
    write_rows(end, map(encoded, blocks_of(x, n_units)), len(x), names, ids)
    say_written(out, f"{len(x):,} codes of {n_units:,} units")


def depth_after(stack: StackedDenoisingAutoencoder, layer: int | None, default: int) -> int:
    """Return the depth after a layer.

    Raises
    ------
    InvalidParameterError
        If the stack does not have this layer.
    """
    if layer is None:
        return default
    if not 0 <= layer < stack.n_layers:
        wanted = f"a layer of the run, from 0 to {stack.n_layers - 1}"
        raise invalid_parameter("--layer", "this command", wanted, layer)
    return layer + 1
