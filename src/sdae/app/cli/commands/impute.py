"""``sdae impute``: fill what is missing in a table."""

from pathlib import Path
from typing import Annotated

import typer

from sdae.app.cli.commands.encode import depth_after
from sdae.app.cli.options import ModelArgument, Stage, model_after
from sdae.app.cli.rows_out import check_output, output_of, say_written, write_completed
from sdae.app.cli.table_options import NaOption, TableArgument, bytes_of
from sdae.app.runs.completing import complete, learned_by
from sdae.app.runs.run_folder import open_model
from sdae.data.tables.arrow_cells import check_can_write

_KINDS = (".csv", ".parquet", ".feather", ".arrow")


def impute(
    run: ModelArgument,
    data: TableArgument,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help=".csv, .parquet, .feather or .arrow file, or -.",
        ),
    ],
    layer: Annotated[
        int | None,
        typer.Option(help="Encode up to this layer before decoding; default: all."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="How often gaps are predicted once more. Default: 0."),
    ] = None,
    na_values: NaOption = None,
) -> None:
    """Fill the gaps of a table, and write it with all of its columns.

    What is there stays as it is, and so do columns that the run does not use. This uses the network
    before fine-tuning, as denoise does. Of a saved SDAEImputer, layer and rounds are its own.

    Example: sdae impute runs/flowers holes.csv -o full.csv
    """
    check_output(out, *_KINDS)
    folder = open_model(run)
    end, kind = output_of(out, folder, data, _KINDS)
    if kind != ".csv":
        check_can_write(str(out))
    model = model_after(folder, Stage.pretraining)
    learned = learned_by(model)
    depth = depth_after(model.stack, layer, default=model.stack.n_layers)
    if rounds is not None:
        learned = learned._replace(n_rounds=rounds)
    found = complete(
        model,
        bytes_of(data),
        data,
        depth=depth,
        learned=learned,
        na_values=na_values or (),
    )
    write_completed(end, kind, found)
    n_gaps = sum(len(column.rows) for column in found.columns)
    n_columns = len(found.columns)
    say_written(
        out,
        f"{n_gaps:,} gap{'s' * (n_gaps != 1)} in {n_columns:,} column{'s' * (n_columns != 1)} of "
        f"{found.n_rows:,} rows filled,",
    )
