"""Processes of one attempt find each other in a store that keeps what earlier attempts wrote."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import torch.distributed as dist

from sdae.app.cli.meeting import meet
from tests.app.cli.test_restarts import new_store

SIZE = 3
Come = Callable[[int], "Future[str]"]


@pytest.fixture
def store() -> Any:
    return new_store()


@pytest.fixture
def come(store: Any) -> Iterator[Come]:
    """Let a process come to the meeting, with a connection of its own."""

    def begin(rank: int) -> str:
        own = dist.TCPStore(  # type: ignore[attr-defined] # PyTorch's types lack it
            "localhost", store.port, is_master=False, timeout=timedelta(seconds=60)
        )
        return meet(own, rank, SIZE, 60)

    with ThreadPoolExecutor(4 * SIZE) as threads:
        yield lambda rank: threads.submit(begin, rank)


def names(futures: list["Future[str]"]) -> set[str]:
    return {future.result(timeout=60) for future in futures}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_agree_on_a_name_that_no_attempt_before_had(order: tuple[int, ...], come: Come) -> None:
    seen: set[str] = set()
    for _ in range(3):
        attempt = []
        for rank in order:
            attempt.append(come(rank))
            time.sleep(0.1)  # an offer of old signs may be made
        (name,) = names(attempt)
        assert name not in seen
        seen.add(name)


def test_who_died_in_the_meeting_is_not_waited_for(store: Any, come: Come) -> None:
    store.set("sdae-sign-1", "of a process that has died")
    store.set("sdae-sign-2", "of another one")
    first, second = come(0), come(1)
    time.sleep(0.3)
    assert not first.done()
    assert len(names([first, second, come(2)])) == 1


def test_a_process_that_was_started_anew_gets_another_offer(store: Any, come: Come) -> None:
    first, second = come(0), come(1)
    store.set("sdae-sign-2", "of a process that will die")
    time.sleep(0.3)
    earlier = store.get("sdae-offer")
    third = come(2)
    (name,) = names([first, second, third])
    assert name not in str(earlier)


@pytest.mark.parametrize("rank", [0, 1])
def test_who_waits_in_vain_is_told_so(rank: int, store: Any) -> None:
    with pytest.raises(TimeoutError, match="they did not come within 0 minutes"):
        meet(store, rank, SIZE, 0.2)
