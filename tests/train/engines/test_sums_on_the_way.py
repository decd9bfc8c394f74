"""Parts of a buffer are summed in one order, each as soon as its gradients are there."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sdae.core.errors import ProcessLostError
from sdae.core.minibatches import minibatches
from sdae.train.engines import sums_on_the_way
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.steps import SharedSteps
from sdae.train.engines.sums_on_the_way import SumsOnTheWay
from sdae.train.processes.together import OneProcess
from tests.train.engines.test_compiled import stacks


class Recorded(OneProcess):
    """Records which sums have begun, and doubles them when they are waited for."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.waited = 0

    def begin_sum(self, numbers: Tensor) -> Callable[[], None]:
        self.begun.append(numbers.int().tolist())

        def wait() -> None:
            numbers.mul_(2)
            self.waited += 1

        return wait


def sums_of(*sizes: int) -> tuple[SumsOnTheWay, Recorded, Tensor]:
    """Return sums of parameters of these sizes behind two other numbers."""
    parts, end = [], 2
    for size in sizes:
        parts.append(slice(end, end + size))
        end += size
    processes, buffer = Recorded(), torch.arange(float(end))
    return SumsOnTheWay(processes, parts, buffer), processes, buffer


@pytest.fixture(autouse=True)
def four_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums_on_the_way, "LEAST_NUMBERS", 4)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1,), [[0, 1, 2]]),
        ((5,), [[0, 1, 2, 3, 4, 5, 6]]),
        ((4, 4), [[6, 7, 8, 9], [0, 1, 2, 3, 4, 5]]),
        ((1, 4, 4), [[7, 8, 9, 10], [0, 1, 2, 3, 4, 5, 6]]),
        ((4, 3, 1), [[6, 7, 8, 9], [0, 1, 2, 3, 4, 5]]),
        ((1, 2), [[0, 1, 2, 3, 4]]),
    ],
)
def test_every_number_is_summed_once(sizes: tuple[int, ...], expected: list[list[int]]) -> None:
    sums, processes, buffer = sums_of(*sizes)
    before = buffer.clone()
    sums.finish()
    assert processes.begun == expected
    assert torch.equal(buffer, 2 * before)
    assert sums.several == (len(expected) > 1)


def test_a_sum_begins_when_all_of_its_gradients_are_there_and_the_last_at_the_end() -> None:
    sums, processes, _ = sums_of(4, 2, 2, 4)
    sums.given(2)
    assert not processes.begun
    sums.given(3)
    assert processes.begun == [[10, 11, 12, 13]]
    sums.given(1)
    assert processes.begun == [[10, 11, 12, 13], [6, 7, 8, 9]]
    sums.given(0)
    assert len(processes.begun) == 2
    assert processes.waited == 0
    sums.finish()
    assert processes.waited == len(processes.begun) == 3


def test_the_next_step_begins_anew() -> None:
    sums, processes, _ = sums_of(4, 4)
    for step in range(1, 4):
        sums.given(1)
        assert len(processes.begun) == 2 * step - 1
        sums.given(0)
        sums.finish()
        assert len(processes.begun) == 2 * step


def test_a_process_that_is_lost_in_back_propagation_is_our_error() -> None:
    class Lost(OneProcess):
        size = 2

        def begin_sum(self, _numbers: Tensor) -> Callable[[], None]:
            raise ProcessLostError("gone")

    (stack,) = stacks(5, (4, 3), 1)
    optimizer = torch.optim.SGD(stack.mlp.parameters(), lr=0.1)
    steps = SharedSteps(optimizer, stack.mlp.parameters(), Lost())
    x = torch.ones(6, 5)
    with pytest.raises(ProcessLostError, match="gone") as caught:
        steps.take(
            next(iter(minibatches(6, 6))),
            lambda share: stack.mlp(x[share.samples]).sum(1),
            SummedCosts(stack.head.weight),
        )
    assert "backward" in "".join(map(str, caught.traceback))
