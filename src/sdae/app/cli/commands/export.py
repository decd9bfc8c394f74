"""``sdae export``: write a model for other programs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sdae.app.cli.commands.encode import depth_after
from sdae.app.cli.options import ModelArgument, Stage, StageOption, model_of_stage
from sdae.app.cli.rows_in import load_rows
from sdae.app.cli.terminal import say
from sdae.app.export.numpy_folder import check_folder
from sdae.app.export.parity import Agreement
from sdae.app.export.writing import export_model
from sdae.app.runs.model_rows import fitting
from sdae.app.runs.output_paths import check_apart, files_of, output_file, output_folder
from sdae.app.runs.run_folder import RunFolder, SavedModel, open_model
from sdae.core.errors import InvalidParameterError, SdaeError
from sdae.core.model_file import Model
from sdae.core.schema.table_rows import TableRows
from sdae.core.source_rows import SourceRows, read

_MOST_READ = 10_000  # rows on the disk that exports are compared on


def export(
    run: ModelArgument,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", help="ONNX file to write, for any ONNX runtime."),
    ] = None,
    numpy: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder to write: weights, and a predict.py that needs NumPy."
        ),
    ] = None,
    sequential: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.safetensors", help="State dict to write, for an nn.Sequential of PyTorch."
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(
            help="Layer (from 0) whose codes the ONNX file returns and reconstructs from. "
            "Default: the deepest."
        ),
    ] = None,
    stage: StageOption = Stage.finetuning,
    data: Annotated[
        str | None, typer.Option(help="Rows to check the export on. Default: the run's own data.")
    ] = None,
) -> None:
    """Write the model for other programs: scaling, network and labels together.

    The export is compared with sdae on rows of the data, on random and on extreme rows; if results
    differ, nothing is written.

    Example: sdae export runs/mnist-default --onnx digits.onnx
    """
    if onnx is None and numpy is None and sequential is None:
        raise InvalidParameterError(
            "sdae export needs an output. Give --onnx, --numpy or --sequential."
        )
    folder = open_model(run)
    source = _source(folder, data)
    files = [output_file(path, [*files_of(folder), source]) for path in (onnx, sequential) if path]
    if numpy is not None:
        check_folder(numpy)
        output_folder(numpy)
    check_apart([*files, *([numpy] if numpy else [])])
    model = model_of_stage(folder, stage, "sdae export")
    depth_after(model.stack, layer, default=1)
    rows, unread = _rows(folder, model, data)
    exported = export_model(
        model, onnx=onnx, numpy=numpy, sequential=sequential, layer=layer, rows=rows
    )
    if unread is not None:
        say(f"Checked without rows of the data: {unread}")
    for one in exported:
        say(f"{one.path} written. {_described(one.agreement)}")


def _source(folder: RunFolder | SavedModel, data: str | None) -> str | None:
    """Return the source of the rows to check on."""
    if data is not None or isinstance(folder, SavedModel):
        return data
    try:
        return folder.recipe().data.source
    except SdaeError:  # reported when they are read
        return None


def _rows(folder: RunFolder | SavedModel, model: Model, data: str | None) -> tuple[Any, str | None]:
    """Return rows to check on, or the reason why there are none."""
    if data is not None:
        return _of_source(data, model), None
    if isinstance(folder, SavedModel):
        return None, "a model file does not name its data. Name them with --data."
    try:
        return _of_source(folder.recipe().data.source, model), None
    except SdaeError as error:
        return None, str(error)


def _of_source(source: str, model: Model) -> Any:
    """Return the rows of a source, or the raw table where the model has a schema."""
    table = load_rows(source, model)
    if isinstance(table.x, TableRows):
        return table.x[:_MOST_READ].in_memory()
    if model.schema is not None:
        return table.x
    x = fitting(model, table).x
    return read(x[:_MOST_READ]) if isinstance(x, SourceRows) else x


def _described(agreement: Agreement) -> str:
    """Describe the outputs of an export, the rows it was checked on, and how well it agrees."""
    number = {kind: f"{count:,}" for kind, count in agreement.kinds.items()}
    rows = f"{number['random']} random rows"
    if "extreme" in number:
        rows = f"{number['random']} random and {number['extreme']} extreme rows"
    if "own" in number:
        rows = f"{number['own']} rows of the data, {rows}"
    if agreement.n_undecided:
        rows += f", except for {agreement.n_undecided:,} where rounding decides"
    differences = [f"{name} {value:.1g}" for name, value in agreement.differences.items()]
    return (
        f"Its {_listed(agreement.outputs)} agree with sdae on {rows}. Largest differences: "
        f"{', '.join(differences)}."
    )


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
