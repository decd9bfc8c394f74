"""The frame of a benchmark that has several kinds of work, each of which can be measured alone."""

import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from _machine import describe
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


def measure(path: Path, works: Mapping[str, Callable[[], Iterable[dict[str, Any]]]]) -> None:
    """Do the works that the command line names, or all, on one thread; add their rows to JSON."""
    torch.set_num_threads(1)
    for kind in (ConvergenceWarning, UserWarning):
        warnings.simplefilter("ignore", kind)
    logging.getLogger("sdae").setLevel(logging.ERROR)
    result = json.loads(path.read_text()) if path.exists() else {}
    with threadpool_limits(1):
        for name in sys.argv[1:] or works:
            result |= {"machine": describe(), name: list(works[name]())}
            path.write_text(json.dumps(result, indent=1) + "\n")
            print(name, len(result[name]), flush=True)
