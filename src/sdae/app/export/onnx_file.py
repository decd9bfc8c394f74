"""The content of an ONNX file, checked in onnxruntime before it is written."""

from typing import Any

import torch

from sdae.app.export.exported_model import Answers, Rows, Subject
from sdae.app.export.onnx_graph import check_extra, onnx_bytes
from sdae.app.export.parity import Agreement, check
from sdae.app.export.probe_rows import Trial
from sdae.core.errors import ParityError

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


def run_onnx(content: bytes, x: Rows) -> Answers:
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
        return dict(zip(names, session.run(names, {"x": x}), strict=True))
    except Exception as error:  # the exceptions of onnxruntime have no common base
        reason = " ".join(str(error).split())[:500].rstrip(".")
        raise ParityError(
            f"The ONNX file does not run in onnxruntime: {reason}. Nothing was written."
        ) from None
