"""Files can be trusted: damaged ones do not pass, and hostile ones do nothing. In short.

The whole is ``python -m tests.torture.flips`` and ``python -m tests.torture.hostile``.
"""

import importlib.util
import json
import sys

import pytest

from tests.torture.child import Child
from tests.torture.flips import run as flip
from tests.torture.hostile import run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("pyarrow") is None,
    reason="reads /proc, makes pipes, and needs the extra tables",
)


def test_no_flipped_bit_and_no_cut_end_passes() -> None:
    counts = flip(150, 1)
    assert counts["failures"] == []
    assert counts["rejected"] + counts["harmless"] == 150
    assert counts["harmless"] == counts["kinds"]["checkpoint"]["harmless"]  # by an older one
    assert set(counts["kinds"]) == {
        "model",
        "SDAEClassifier",
        "SDAERegressor",
        "SDAEOutlierDetector",
        "SDAEImputer",
        "checkpoint",
    }


def test_every_hostile_file_is_refused_in_time_and_in_bounds_and_runs_nothing() -> None:
    rows = list(run(all_ways=False))
    failed = {row.name: row.problems for row in rows if row.problems}
    assert failed == {}, json.dumps(failed, indent=1)[:5000]
    assert len(rows) > 1000


def test_a_crash_is_told_and_another_process_goes_on() -> None:
    with Child("tests.torture.child") as child:
        assert child.ask("echo") == "echo"
        assert child.ask("crash") is None
        assert child.end == "the process ended with status -6, or hung"
        assert child.ask("echo") == "echo"
