"""A folder that predicts with NumPy alone: the model file, and a program that reads it.

Axes: n rows, V columns.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np

from sdae.app.export.exported_model import Answers, Rows, Subject
from sdae.app.export.parity import Agreement, check
from sdae.app.export.probe_rows import Trial
from sdae.core.errors import FileAccessError, ParityError
from sdae.core.files import translate_os_errors, write_atomically
from sdae.core.model_file import save_model
from sdae.core.schema.raw_table import RawColumn, RawTable

PROGRAM, COLUMNS, LADDER = "predict.py", "columns.py", "ladder.py"
WEIGHTS = "weights.safetensors"
_SECONDS = 600
_ASK = """
import json, sys
import numpy as np
known = set(sys.modules)
sys.path.insert(0, ".")
import predict
layer = int(sys.argv[1])
try:
    x = np.load("rows.npy")
except FileNotFoundError:
    with open("rows.json", encoding="utf-8") as file:
        x = json.load(file)
answers = {
    "codes": predict.encode(x, layer),
    "reconstruction": predict.reconstruct(x, None if predict.is_ladder() else layer),
}
labels = None
if "probabilities" in sys.argv[2:]:
    answers["probabilities"] = predict.predict_proba(x)
if "label" in sys.argv[2:]:
    labels = predict.predict(x).tolist()
elif sys.argv[2:]:
    answers[sys.argv[2]] = predict.predict(x)
np.savez("answers.npz", **answers)
foreign = sorted({"torch", "sdae", "safetensors"} & set(sys.modules) - known)
print(json.dumps({"labels": labels, "foreign": foreign}))
"""


def checked_numpy(subject: Subject, trial: Trial) -> tuple[dict[str, bytes], Agreement]:
    """Return the files of the folder, and how well the program and the package agree.

    The program was run in a separate process, which imported only NumPy.

    Raises
    ------
    ParityError
        If they do not agree, or the program imports other packages.
    """
    temporary = Path(gettempdir())
    with translate_os_errors(temporary, "write"), TemporaryDirectory(prefix="sdae-") as name:
        folder = Path(name)
        save_model(subject.model, folder / WEIGHTS)
        programs = {PROGRAM: "numpy_program.py"}
        if subject.schema is not None:
            programs[COLUMNS] = "numpy_columns.py"
        if subject.ladder is not None:
            programs[LADDER] = "numpy_ladder.py"
        for file, own in programs.items():
            shutil.copyfile(Path(__file__).with_name(own), folder / file)
        files = {file: (folder / file).read_bytes() for file in (WEIGHTS, *programs)}
        found = _ask(folder, subject, trial.x)
    return files, check(subject, trial, found, "The NumPy program")


def check_folder(path: Path) -> None:
    """Raise an error if the path exists and is not an empty folder.

    Raises
    ------
    FileAccessError
        If the path is a file, or a folder that is not empty.
    """
    with translate_os_errors(path, "write"):
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise FileAccessError(
                f"{path} already exists and is not an empty folder. Choose another path, or remove "
                "it."
            )
        if not path.resolve().parent.is_dir():
            raise FileNotFoundError


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder atomically: with all its files, or not at all.

    Raises
    ------
    FileAccessError
        If it cannot be written.
    """
    check_folder(path)
    path = path.resolve()  # "." has no name
    # a name that other processes do not use
    staging = path.parent / f".{path.name}.partial-{token_hex(4)}"
    with translate_os_errors(path, "write"):
        staging.mkdir()
    try:
        for name, content in files.items():
            write_atomically(staging / name, content)
        with translate_os_errors(path, "write"):
            if path.exists():
                path.rmdir()
            staging.rename(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _ask(folder: Path, subject: Subject, x: Rows | RawTable) -> Answers:
    """Run the program of a folder on rows, (n, V); return each output by its name."""
    if isinstance(x, RawTable):
        values = {column.name: _plain(column) for column in x}
        table = values if x.named else list(values.values())
        (folder / "rows.json").write_text(json.dumps(table), encoding="utf-8")
    else:
        np.save(folder / "rows.npy", x)
    asked_for = []
    if subject.stack.head_kind is not None:
        facts = subject.stack.head_kind.facts
        asked_for = [facts.answer_name, *["probabilities"] * (facts.probabilities is not None)]
    command = [sys.executable, "-c", _ASK, str(subject.depth - 1), *asked_for]
    try:
        asked = subprocess.run(
            command, cwd=folder, capture_output=True, encoding="utf-8", timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        reason = "".join(lines[-1:]).rstrip(".")
        raise ParityError(f"The NumPy program failed: {reason}. Nothing was written.") from None
    said = json.loads(asked.stdout)
    if said["foreign"]:
        raise ParityError(
            f"The NumPy program imports {', '.join(said['foreign'])}. Nothing was written."
        )
    with np.load(folder / "answers.npz", allow_pickle=False) as answers:
        found = dict(answers)
    if subject.labels is not None and said["labels"] is not None:
        as_text = subject.labels.dtype.kind == "O"  # this includes numbers too large for ONNX
        labels = [str(label) if as_text else label for label in said["labels"]]
        found["label"] = np.array(labels, object)
    return found


def _plain(column: RawColumn) -> list[Any]:
    """Return the values of a column as JSON values, with None where missing."""
    missing = column.missing.tolist()
    values = column.values.tolist()
    return [None if gap else value for gap, value in zip(missing, values, strict=True)]
