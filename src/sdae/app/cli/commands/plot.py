"""``sdae plot``: draw a picture of a run."""

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sdae.app.cli.commands.encode import depth_after
from sdae.app.cli.options import PartOption, RunArgument, Stage, StageOption, model_after
from sdae.app.cli.rows_in import load_rows
from sdae.app.cli.terminal import say
from sdae.app.runs.model_rows import network_input
from sdae.app.runs.output_paths import files_of, output_file
from sdae.app.runs.pictures import N_ROWS, draw_curves, draw_filters, draw_reconstructions
from sdae.app.runs.run_folder import open_run
from sdae.core.errors import InvalidParameterError
from sdae.core.source_rows import read


class Kind(StrEnum):
    """What can be drawn."""

    filters = "filters"
    curves = "curves"
    reconstructions = "reconstructions"


def plot(
    run: RunArgument,
    kind: Annotated[Kind, typer.Argument(help="What to draw.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.png", help="PNG to write.")],
    data: Annotated[
        str | None, typer.Option(help="Rows to reconstruct. Default: the run's own data.")
    ] = None,
    stage: StageOption = Stage.pretraining,
    part: PartOption = "auto",
    image_shape: Annotated[
        str | None, typer.Option(help="Height and width of image rows, as in 28x28.")
    ] = None,
    layer: Annotated[int, typer.Option(help="Layer whose filters to draw, from 0.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="Filters to draw, from the first unit.")] = 100,
) -> None:
    """Draw a layer's filters, the learning curves, or rows and their reconstructions.

    Example: sdae plot runs/mnist-default filters -o filters.png
    """
    folder = open_run(run)
    source = folder.recipe().data.source if data is None and kind is Kind.reconstructions else data
    end = output_file(out, [*files_of(folder), source])
    shape = None if image_shape is None else _shape(image_shape)
    match kind:
        case Kind.filters:
            model = model_after(folder, stage)
            depth_after(model.stack, layer, default=1)
            draw_filters(model, end, shape, count, layer)
        case Kind.curves:
            draw_curves(folder.records(), end)
        case Kind.reconstructions:
            model = model_after(folder, stage)
            table = load_rows(str(source), model, part)
            rows = read(network_input(model, replace(table, x=table.x[:N_ROWS], y=None)))
            draw_reconstructions(model, rows, end, shape)
    say(f"{kind.value.capitalize()} drawn in {out}")


def _shape(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        raise InvalidParameterError(
            f"--image-shape must be HEIGHTxWIDTH, as in 28x28. Got {text!r} instead."
        )
    return int(found[1]), int(found[2])
