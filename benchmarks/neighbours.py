"""Run scikit-learn's own tests of its multilayer perceptrons on this package's estimators.

    python benchmarks/neighbours.py              # 3 min; prints what passes and what fails
    python benchmarks/neighbours.py --unchanged  # the same file with scikit-learn's own classes

The file is `sklearn/neural_network/tests/test_mlp.py` of the installed scikit-learn. The names
MLPClassifier and MLPRegressor become SDAEClassifier and SDAERegressor, nothing else is changed,
and pytest runs the result in a temporary folder. Results go to ``results/neighbours.json``, with
one line for what pytest says of each failure; those of ``--unchanged`` are only printed. Tests that
fail on purpose stand in ``neighbour_differences.py``; where another fails, the script ends with 1.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _machine import describe
from neighbour_differences import reason_of

PATH = Path(__file__).parent / "results" / "neighbours.json"
TESTS = Path("neural_network", "tests", "test_mlp.py")
NAMES = {"MLPClassifier": "SDAEClassifier", "MLPRegressor": "SDAERegressor"}
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from sdae import SDAEClassifier, SDAERegressor"
LONGEST_REASON = 160  # characters
# A fixture of scikit-learn's own test configuration, with the value it has by default.
FIXTURES = """import pytest


@pytest.fixture
def global_random_seed():
    return 42
"""


def main() -> None:
    """Run the tests, print each with its outcome, and write all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unchanged", action="store_true", help="test scikit-learn's own classes")
    unchanged = parser.parse_args().unchanged
    source = tests_of_scikit_learn()
    tests = run(source if unchanged else with_our_names(source))
    for test in tests:
        reason = f": {test['reason']}" if test["reason"] else ""
        print(f"{test['outcome']:6}  {test['name']}{reason}")
    passed = sum(test["outcome"] == "passed" for test in tests)
    print(f"{passed} of {len(tests)} pass")
    failed = [test["name"] for test in tests if test["outcome"] != "passed"]
    unexplained = [name for name in failed if unchanged or reason_of(name) is None]
    if not unchanged:
        result = {"machine": describe(), "passed": passed, "total": len(tests), "tests": tests}
        PATH.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        print(f"Written to {PATH}")
    if unexplained:
        raise SystemExit(f"No reason is known why these fail: {', '.join(unexplained)}")


def tests_of_scikit_learn() -> str:
    """Return the text of the tests in the installed scikit-learn."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise SystemExit("scikit-learn is not installed: pip install scikit-learn")
    path = Path(spec.origin).parent / TESTS
    if not path.is_file():
        raise SystemExit(f"The installed scikit-learn has no tests: {path} is missing.")
    return path.read_text()


def with_our_names(source: str) -> str:
    """Return the tests with this package's classes in place of scikit-learn's."""
    if THEIRS not in source:
        raise SystemExit(f"The tests no longer have the line {THEIRS!r}.")
    source = source.replace(THEIRS, OURS)
    for theirs, ours in NAMES.items():
        source = re.sub(rf"\b{theirs}\b", ours, source)
    return source


def run(source: str) -> list[dict[str, Any]]:
    """Run tests with pytest in a temporary folder; return name, outcome and reason of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_mlp.py").write_text(source)
        (folder / "conftest.py").write_text(FIXTURES)
        report = folder / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={folder}"]
        command = [sys.executable, "-m", "pytest", *options, f"--junit-xml={report}", str(folder)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        ended = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if not report.is_file():
            raise SystemExit(f"pytest gave no report:\n{ended.stdout}{ended.stderr}")
        return [_outcome(case) for case in ElementTree.parse(report).iter("testcase")]


def _outcome(case: ElementTree.Element) -> dict[str, Any]:
    problem = next(
        (case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None
    )
    skipped = case.find("skipped")
    outcome = "failed" if problem is not None else "passed" if skipped is None else "skipped"
    telling = problem if problem is not None else skipped
    reason = "" if telling is None else " ".join((telling.get("message") or "").split())
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]}…"
    return {"name": case.get("name"), "outcome": outcome, "reason": reason}


if __name__ == "__main__":
    main()
