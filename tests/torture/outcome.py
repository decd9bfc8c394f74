"""What loading one damaged file comes to, and the child process in which it is loaded.

``python -m tests.torture.outcome`` reads cases from its standard input, one a line as JSON
``[path, target]``, loads each and answers with a line of JSON.
"""

import contextlib
import json
import re
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sdae.core.errors import SdaeError
from sdae.data import Dataset, Table, load_dataset
from sdae.data.exact import is_usable

MAX_SECONDS = 2.0
MAX_BYTES = 3 << 29  # 1.5 GiB
_MAX_ADDRESSES = 8 << 30  # beyond this a case fails instead of taking the machine with it
_MAX_MESSAGE = 2000
_REMEDY = re.compile(
    r"\b(must|[Ss]ave|Download|Reinstall|Check|Name|Quote|Rename|Impute|Convert|Encode|Split|"
    r"Divide|Leave|Put|Give|Unpack|"
    r"Did you mean|Known labels|Its columns are|It has|It reads|Set|Transpose|Similar names|"
    r"leave|unpack)\b"
)


@dataclass(frozen=True)
class Outcome:
    """What came of one case: ``loaded``, ``refused`` or ``failed``, and why."""

    result: str
    detail: str
    seconds: float = 0.0
    n_bytes: int = 0


def load(path: Path, target: str | None) -> Outcome:
    """Load a file or folder, and judge what happens."""
    before = _reset_peak()
    start = time.process_time()
    try:
        dataset = load_dataset(path, target)
        result, detail = "loaded", ""
        fault = _fault_of_data(dataset)
    except SdaeError as error:
        result, detail = "refused", f"{type(error).__name__}: {error}"
        fault = _fault_of_text(str(error), path)
    except BaseException as error:
        result, detail = "failed", f"{type(error).__name__}: {str(error)[:300]}"
        fault = "an error that is not ours"
    seconds = time.process_time() - start
    n_bytes = max(0, _peak() - before)
    if seconds > MAX_SECONDS:
        fault = f"it took {seconds:.1f} s"
    if n_bytes > MAX_BYTES:
        fault = f"it took {n_bytes:,} bytes"
    if fault:
        result, detail = "failed", f"{fault}; {detail}"[:600]
    return Outcome(result, detail[:2000], round(seconds, 3), n_bytes)


def _fault_of_text(text: str, path: Path) -> str:
    """Say what is wrong with the text of an error of ours; nothing if it is as it should be."""
    if str(path) not in text:
        return "its text does not name the file"
    if not text.isprintable():
        return "its text has characters that cannot be shown"
    if len(text) > _MAX_MESSAGE:
        return f"its text has {len(text):,} characters"
    return "" if _REMEDY.search(text) else "its text names no remedy"


def _fault_of_data(dataset: Dataset) -> str:
    """Say what is wrong with data that were loaded; nothing if training can use them."""
    parts = [dataset.train, dataset.validation, dataset.test]
    faults = [_fault_of_table(table) for table in parts if table is not None]
    return next((fault for fault in faults if fault), "")


def _fault_of_table(table: Table) -> str:
    if table.x.dtype not in (np.float32, np.float64) or table.x.ndim != 2 or table.x.size == 0:
        return f"rows of type {table.x.dtype} and shape {table.x.shape}"
    if not is_usable(table.x).all():  # finite in float32 too
        return "rows that are not finite"
    names = table.feature_names
    if names is not None and len(set(names)) != table.n_features:
        return "names that are not one per column"
    if table.y is None:
        return ""
    is_values = table.y.dtype == np.float64 and table.y.ndim == 2 and len(table.y) == table.n_rows
    if is_values:
        return "" if np.isfinite(table.y).all() else "values that are not finite"
    is_several = (
        table.y.dtype == np.int64 and table.y.ndim == 2 and set(np.unique(table.y)) <= {0, 1}
    )
    if is_several and len(table.y) == table.n_rows:
        return ""
    if table.y.shape != (table.n_rows,) or table.y.dtype.kind not in "iU":
        return f"labels of type {table.y.dtype} and shape {table.y.shape}"
    texts = [*(names or ()), *(str(label) for label in table.y[:1000])]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return "texts that cannot be written"
    return ""


def _reset_peak() -> int:
    """Forget the peak of memory so far, where Linux lets us; return what is in use now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def main() -> None:
    """Load one case after the other; what crashes here is told by the process that started us."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESSES, _MAX_ADDRESSES))
    for line in sys.stdin:
        path, target = json.loads(line)
        print(json.dumps(asdict(load(Path(path), target))), flush=True)


if __name__ == "__main__":
    main()
