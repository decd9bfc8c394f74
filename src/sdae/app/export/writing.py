"""Make and check all requested exports; only then write any of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdae.app.export.exported_model import subject_of, without_untrained_head
from sdae.app.export.numpy_folder import check_folder, checked_numpy, write_folder
from sdae.app.export.onnx_file import checked_onnx
from sdae.app.export.onnx_graph import check_extra
from sdae.app.export.parity import Agreement
from sdae.app.export.probe_rows import trial_of
from sdae.app.export.sequential import checked_sequential
from sdae.core.errors import InvalidParameterError, invalid_parameter
from sdae.core.files import end_of, translate_os_errors, write_atomically
from sdae.core.in_blocks import device_of
from sdae.core.model_file import Model
from sdae.core.stack import copy_on_cpu


@dataclass(frozen=True)
class Exported:
    """A written export.

    Attributes
    ----------
    path : Path
    agreement : Agreement
        Agreement of its results with those of the package.
    """

    path: Path
    agreement: Agreement


def export_model(
    model: Model,
    *,
    onnx: str | Path | None = None,
    numpy: str | Path | None = None,
    sequential: str | Path | None = None,
    layer: int | None = None,
    rows: Any = None,
) -> list[Exported]:
    """Write a model for other programs, after checking that it gives the results of the package.

    Parameters
    ----------
    model : Model
        The model, as :func:`sdae.core.model_file.load_model` returns it.
    onnx : path or None
        A file for ONNX runtimes, whose name ends in ``.onnx``.
    numpy : path or None
        A folder for NumPy, which must not exist, or be empty.
    sequential : path or None
        A file for an ``nn.Sequential`` of PyTorch, whose name ends in ``.safetensors``.
    layer : int or None
        Layer whose codes the ONNX file returns, and from which it reconstructs; None is the
        deepest. A ladder reconstructs from all its layers.
    rows : array, (n, V), table or None
        Rows in the units of the data, to check on; of a model of a table, with its columns.
        Random and extreme rows are always used.

    Returns
    -------
    list of Exported
        The written exports, in the order of the parameters.

    Raises
    ------
    ParityError
        If results of an export differ from those of the package. Then nothing is written.
    MissingExtraError
        If onnx or onnxruntime is not installed, and an ONNX file is requested.
    SdaeError
        If a parameter is wrong, or a file cannot be written.
    """
    if device_of(model.stack).type != "cpu":  # it was trained on a GPU, and not loaded from a file
        model = replace(model, stack=copy_on_cpu(model.stack))
    stack = model.stack
    if layer is not None and not 0 <= layer < stack.n_layers:
        wanted = f"a layer of the model, from 0 to {stack.n_layers - 1}"
        raise invalid_parameter("layer", "export_model", wanted, layer)
    targets = {
        name: end_of(path) if name != "numpy" else Path(path)
        for name, path in (("onnx", onnx), ("numpy", numpy), ("sequential", sequential))
        if path is not None
    }
    _check_targets(targets)
    subject = subject_of(
        without_untrained_head(model), stack.n_layers if layer is None else layer + 1
    )
    trial = trial_of(subject, rows)
    contents: dict[str, bytes] = {}
    agreements: dict[str, Agreement] = {}
    folder: Mapping[str, bytes] = {}
    if "onnx" in targets:
        contents["onnx"], agreements["onnx"] = checked_onnx(subject, trial)
    if "numpy" in targets:
        folder, agreements["numpy"] = checked_numpy(subject, trial)
    if "sequential" in targets:
        contents["sequential"], agreements["sequential"] = checked_sequential(subject, trial)
    for name, path in targets.items():
        if name == "numpy":
            write_folder(path, folder)
        else:
            write_atomically(path, contents[name])
    return [Exported(path, agreements[name]) for name, path in targets.items()]


def _check_targets(targets: Mapping[str, Path]) -> None:
    """Check the paths before computing anything."""
    if not targets:
        raise InvalidParameterError("export_model needs an output. Give onnx, numpy or sequential.")
    for name, suffix in (("onnx", ".onnx"), ("sequential", ".safetensors")):
        if name not in targets:
            continue
        path = targets[name]
        if path.suffix.lower() != suffix:
            raise InvalidParameterError(
                f"The {name} file must end in {suffix}. Got {path} instead."
            )
        with translate_os_errors(path, "write"):
            if not path.parent.is_dir():
                raise FileNotFoundError
    if "numpy" in targets:
        check_folder(targets["numpy"])
    if "onnx" in targets:
        check_extra()
