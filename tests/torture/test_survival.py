"""Runs survive kills, faults and time: a few repetitions of what the modules beside do often."""

import importlib.util
import sys

import pytest

from tests.torture.faults import CALLS, ERRORS, faults
from tests.torture.kills import kills
from tests.torture.lost_ranks import lost_ranks
from tests.torture.memory import memory
from tests.torture.saves import saves
from tests.torture.together import KINDS, together

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and forks")
needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="the fused engine needs numba"
)


@pytest.mark.parametrize(
    ("variant", "n"),
    [("autograd", 3), pytest.param("fused", 3, marks=needs_numba), ("threads", 1)],
)
def test_a_run_killed_at_any_instant_is_resumed_to_the_same_bytes(variant: str, n: int) -> None:
    result = kills(n, 1, variant)
    assert result["failures"] == []
    assert result["runs identical"] == n <= result["kills that hit"]


def test_the_newest_checkpoint_is_whole_and_not_older_than_the_last_saved() -> None:
    result = saves(25)
    assert result["failures"] == []
    assert result["kills that hit"] == 25


def test_a_fault_at_any_call_of_a_writer_leaves_what_was_there_and_is_told() -> None:
    result = faults()
    assert result["failures"] == []
    assert min(result["faults injected"].values()) >= len(CALLS) * (len(ERRORS) + 1)


@pytest.mark.slow
def test_a_process_killed_at_any_instant_is_started_anew_by_torchrun_to_the_same_bytes() -> None:
    result = lost_ranks(3)
    assert result["failures"] == []
    assert result["runs identical"] == result["runs"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["autograd", pytest.param("fused", marks=needs_numba)])
def test_memory_does_not_grow_with_the_number_of_epochs(engine: str) -> None:
    assert memory(200, engine, flush=False)["failures"] == []


@pytest.mark.slow
def test_commands_begun_together_never_take_each_others_runs() -> None:
    result = together(3)
    assert result["failures"] == []
    assert result["as promised"] == 3 * len(KINDS)
