"""Damaged copies of a file, for tests that any of them is refused in words or read in full."""

from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from sdae.core.errors import SdaeError
from sdae.data import Dataset, load_dataset

FUZZ = settings(max_examples=100, derandomize=True, deadline=None, database=None)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw a copy of `content` with some bytes changed, cut out, put in, or cut off the end."""
    mutable = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        # Half of the damage goes to the first bytes, where headers are.
        last = max(len(mutable) - 1, 0)
        place = draw(st.one_of(st.integers(0, min(last, 140)), st.integers(0, last)))
        kind = draw(st.sampled_from(("change", "insert", "delete", "truncate")))
        if kind == "change" and mutable:
            mutable[place] = draw(st.one_of(st.integers(0, 255), st.sampled_from(b"\0\xff-.9[(")))
        elif kind == "insert":
            mutable[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "delete":
            del mutable[place : place + draw(st.integers(1, 8))]
        elif kind == "truncate":
            del mutable[place:]
    return bytes(mutable)


def load_or_refuse(path: Path, target: str | None = None) -> None:
    """Load `path`: finite rows, or an error of ours that names it, and nothing else."""
    outcome = _load(path, target)
    if isinstance(outcome, str):
        assert str(path) in outcome
        assert "\n" not in outcome
    else:
        assert outcome.train.x.dtype in (np.float32, np.float64)
        assert np.isfinite(outcome.train.x).all()


def _load(path: Path, target: str | None) -> Dataset | str:
    try:
        return load_dataset(path, target)
    except SdaeError as error:
        return str(error)
