"""The content of an ONNX file, checked in onnxruntime before it is written."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.app.export.exported_model import Answers, Rows, Subject
from sdae.app.export.onnx_graph import check_extra, onnx_bytes
from sdae.app.export.parity import Agreement, check
from sdae.app.export.probe_rows import Trial
from sdae.core.errors import ParityError
from sdae.core.schema.raw_table import ColumnType, RawTable

_ERRORS_ONLY = 3


def checked_onnx(subject: Subject, trial: Trial) -> tuple[bytes, Agreement]:
    """Return the content, and how well onnxruntime and the package agree on it.

    Raises
    ------
    ParityError
        If they do not agree.
    DataError
        If the network is too large for a file.
    MissingExtraError
        If onnx or onnxruntime is not installed.
    """
    content = onnx_bytes(subject)
    return content, check(subject, trial, run_onnx(content, trial.x), "The ONNX file")


def run_onnx(content: bytes, x: Rows | RawTable) -> Answers:
    """Return the results of onnxruntime for rows, (n, V): each output by its name."""
    check_extra()
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = _ERRORS_ONLY
    try:
        # When a model is loaded from bytes, the runtime cannot look for weights in other files.
        session: Any = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        given: dict[str, Any] = {"x": x}
        if isinstance(x, RawTable):
            wanted = [declared.name for declared in session.get_inputs()]
            given = onnx_inputs(x, wanted)
        return dict(zip(names, session.run(names, given), strict=True))
    except Exception as error:  # the exceptions of onnxruntime have no common base
        reason = " ".join(str(error).split())[:500].rstrip(".")
        raise ParityError(
            f"The ONNX file does not run in onnxruntime: {reason}. Nothing was written."
        ) from None


def onnx_inputs(table: RawTable, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return a table as the inputs of its ONNX file, one (n, 1) per column.

    A missing text is empty, a missing number NaN.
    """
    known = {column.name: column for column in table}
    inputs = {}
    for name in wanted:
        column = known[name if name in known else name.removeprefix("x.")]
        values = column.values
        if column.type is ColumnType.TEXT:
            values = np.array(["" if value is None else value for value in values], object)
        inputs[name] = values[:, None]
    return inputs
