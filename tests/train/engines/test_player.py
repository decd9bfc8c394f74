"""The player of CUDA graphs, with a tape in the place of CUDA: what it calls, and a refusal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch

from sdae.core.minibatches import minibatches
from sdae.train.engines import graph_stage
from sdae.train.engines.player import EagerPlayer, GraphPlayer
from tests.train.engines.graphs import N, finetuning, pretraining, tensor_rows
from tests.train.engines.tape import Tape
from tests.train.engines.test_compiled import stacks, targets

FAKED: tuple[str, ...] = ("Stream", "CUDAGraph", "graph", "stream", "device", "current_stream")
FAKED += ("graph_pool_handle", "synchronize", "set_stream")

END_OF_A_REFUSAL = ["back to the stream before", "synchronize"]


class FakeCuda:
    """Stands for `torch.cuda`: a capture is a tape, and keeps what ran before it and after it."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.calls: list[str] = []

    class Stream:
        def __init__(self, _device: object = None) -> None: ...

        def wait_stream(self, _other: object) -> None: ...

    class CUDAGraph:
        def __init__(self) -> None:
            self.tape = Tape()

        def replay(self) -> None:
            self.tape.play()

    @contextmanager
    def graph(self, graph: Any, pool: object, stream: object, mode: str) -> Iterator[None]:
        self.calls.append(f"capture, {mode}")
        assert pool == (0, 1)
        assert isinstance(stream, self.Stream)
        if self.refuses:
            raise RuntimeError("operation not permitted when stream is capturing")
        before = {id(t): t.clone() for t in _CHANGED}
        with graph.tape:
            yield
        for tensor in _CHANGED:  # a capture runs nothing
            tensor.copy_(before[id(tensor)])

    def stream(self, _stream: object) -> Any:
        self.calls.append("on the stream")
        return nullcontext()

    def device(self, _device: object) -> Any:
        return nullcontext()

    def current_stream(self) -> Any:
        return self.Stream()

    def graph_pool_handle(self) -> tuple[int, int]:
        return 0, 1

    def set_stream(self, stream: object) -> None:
        assert isinstance(stream, self.Stream)
        self.calls.append("back to the stream before")

    def synchronize(self) -> None:
        self.calls.append("synchronize")


_CHANGED: list[torch.Tensor] = []


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_stage, "MOST_STEPS", 3)


def _engines(player_of: Any, walk: str) -> tuple[Any, Any]:
    """Return a network and the graph engine for it."""
    (stack,) = stacks(19, (7,), 1, corruption_levels="masking:0.3")
    x, y = tensor_rows(N, 19, torch.float32), targets("n_classes", N, torch.float32)
    options: dict[str, Any] = {"batch_size": 8, "optimizer": "adam", "player": player_of()}
    if walk == "pretraining":
        return stack, pretraining([stack, stack], x, **options)[1]
    return stack, finetuning([stack, stack], x, y, **options)[1]


@pytest.mark.parametrize("walk", ["pretraining", "finetuning"])
@pytest.mark.parametrize("refuses", [False, True])
def test_a_captured_step_gives_the_bytes_of_one_that_is_done(
    refuses: bool, walk: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeCuda(refuses=refuses)
    for name in FAKED:
        monkeypatch.setattr(torch.cuda, name, getattr(fake, name))
    plain, expected = _engines(EagerPlayer, walk)
    stack, engine = _engines(lambda: GraphPlayer(torch.device("cpu")), walk)
    _CHANGED[:] = engine._rule.changed
    with caplog.at_level(logging.WARNING, "sdae"):
        for epoch in (1, 2):
            costs = [float(e.train(minibatches(N, 8), epoch, 0.01)) for e in (expected, engine)]
            assert costs[0] == costs[1]
    for one, two in zip(plain.parameters(), stack.parameters(), strict=True):
        assert torch.equal(one, two)
    assert engine._player.n_captured == (0 if refuses else 3)
    once = ["on the stream", "capture, thread_local", *(END_OF_A_REFUSAL if refuses else [])]
    assert fake.calls == 3 * once
    assert ("steps are started one by one (operation not permitted" in caplog.text) == refuses
