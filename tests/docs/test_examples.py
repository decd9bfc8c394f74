"""The examples run, warn of nothing, and print the comparisons they promise."""

import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache

import pytest

from tests.docs.examples import ROOT
from tests.docs.test_launchers import LAUNCHERS

EXAMPLES = ROOT / "examples"
FOUR = (
    "MLPClassifier",
    "MLPClassifier, scaled",
    "SDAEClassifier",
    "SDAEClassifier, pretrain_epochs=0",
)
BOOSTING = ("boosting on raw columns", "boosting on codes", "boosting on both")
LOGISTIC = ("logistic regression on raw columns", "logistic regression on codes")
# What stands before each comparison, the names in it, and the least that none may fall below.
COMPARISONS: Mapping[str, list[tuple[str, tuple[str, ...], float]]] = {
    "digits_with_50_labels": [
        (
            "Accuracy on digits",
            (
                "SDAEClassifier",
                "SDAEClassifier, pre-training alone",
                "LadderClassifier",
                "LabelSpreading",
                "SelfTrainingClassifier",
                "SDAEClassifier, 50 rows",
                "MLPClassifier",
                "LogisticRegression",
            ),
            0.6,
        )
    ],
    "drop_in_for_mlpclassifier": [
        ("Accuracy on breast cancer", FOUR, 0.7),
        ("Accuracy on wine", FOUR, 0.6),
    ],
    "outliers_in_breast_cancer": [
        (
            "ROC AUC",
            (
                "SDAEOutlierDetector",
                "SDAEOutlierDetector, 10 units",
                "IsolationForest",
                "distance from the mean",
            ),
            0.8,
        )
    ],
    "features_for_gradient_boosting": [
        ("Accuracy on digits", (*BOOSTING, *LOGISTIC), 0.7),
        ("Accuracy on breast cancer", (*BOOSTING, *LOGISTIC), 0.8),
    ],
}


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*COMPARISONS, *LAUNCHERS}


@cache
def printed(name: str, *, old_dependencies: bool) -> list[str]:
    """Return the lines that an example prints; it must end well and warn of nothing.

    Old dependencies deprecate among themselves what the example has no part in.
    """
    where = ":__main__" if old_dependencies else ""
    warns = f"error::DeprecationWarning{where}"
    command = [sys.executable, "-W", warns, str(EXAMPLES / f"{name}.py")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "Warning" not in run.stderr, run.stderr
    return run.stdout.splitlines()


@pytest.fixture
def old_dependencies(pytestconfig: pytest.Config) -> bool:
    """Whether pytest was told to pass over deprecations, as ``make test-oldest`` does."""
    return "ignore::DeprecationWarning" in (pytestconfig.getoption("pythonwarnings") or [])


_LONG = {
    "digits_with_50_labels",
    "drop_in_for_mlpclassifier",
    "features_for_gradient_boosting",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in _LONG else ())
        for name in sorted(COMPARISONS)
    ],
)
def test_an_example_prints_its_comparisons(name: str, old_dependencies: bool) -> None:
    lines = printed(name, old_dependencies=old_dependencies)
    for heading, names, least in COMPARISONS[name]:
        start = next(i for i, line in enumerate(lines) if line.startswith(heading))
        compared = lines[start + 1 : start + 1 + len(names)]
        values = dict(line.rsplit(": ", 1) for line in compared)
        assert tuple(values) == names
        assert all(re.fullmatch(r"[01]\.\d{3}", value) for value in values.values())
        assert all(least <= float(value) <= 1 for value in values.values())


def test_the_strangest_row_comes_with_the_columns_that_make_it_so(old_dependencies: bool) -> None:
    lines = printed("outliers_in_breast_cancer", old_dependencies=old_dependencies)
    start = next(i for i, line in enumerate(lines) if line.startswith("Least typical row: "))
    assert re.fullmatch(r"Least typical row: \d+, (malignant|benign)", lines[start])
    shares = [
        re.fullmatch(r"[a-z ]+: (\d+) % of the error, \S+ \(median \S+\)", line)
        for line in lines[start + 1 :]
    ]
    found = [int(each[1]) for each in shares if each]
    assert len(found) == len(shares) == 5
    assert found == sorted(found, reverse=True)
    assert 0 < sum(found) <= 102  # rounded each
