"""Subnormal numbers are rounded to zero in compiled training, and nowhere else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.kernels.team import Counter, Team
from sdae.core.rows import TensorRows
from sdae.core.small_numbers import are_rounded_to_zero, rounded_to_zero
from sdae.train.engines.autograd import AutogradFinetuning
from sdae.train.engines.compiled_finetuning import CompiledFinetuning
from sdae.train.epoch import Plan
from sdae.train.settings import FinetuningConfig

pytestmark = pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot round them to zero"
)


def has_subnormal(values: Any) -> bool:
    sizes = np.abs(np.asarray(values))
    return bool(((sizes > 0) & (sizes < np.finfo(sizes.dtype).tiny)).any())


def test_a_block_rounds_them_to_zero_and_the_thread_keeps_them_again_after_it() -> None:
    tiny = np.full(20, np.finfo(np.float32).tiny)
    with rounded_to_zero():
        assert are_rounded_to_zero()
        assert not (tiny / np.float32(2)).any()
    assert not are_rounded_to_zero()
    assert has_subnormal(tiny / np.float32(2))


def test_a_thread_keeps_its_setting_through_an_error_and_if_it_had_set_it_itself() -> None:
    with pytest.raises(ZeroDivisionError), rounded_to_zero():
        raise ZeroDivisionError
    assert not are_rounded_to_zero()
    torch.set_flush_denormal(True)
    try:
        with rounded_to_zero():
            assert are_rounded_to_zero()
        assert are_rounded_to_zero()
    finally:
        torch.set_flush_denormal(False)


def test_all_threads_of_a_team_round_while_they_do_steps_and_at_no_other_time() -> None:
    crew, seen = Team(2, rounded_to_zero), list[tuple[str, int, bool]]()

    def steps(_first: int, _last: int, rank: int, _n_workers: int, _counter: Counter) -> None:
        seen.append(("steps", rank, are_rounded_to_zero()))

    def task(rank: int, _n_workers: int, _counter: Counter) -> None:
        seen.append(("task", rank, are_rounded_to_zero()))

    crew.run(task)
    crew.run_steps(steps, 1)
    crew.run(task)
    crew.close()
    assert sorted(seen[:2]) == sorted(seen[4:]) == [("task", 0, False), ("task", 1, False)]
    assert sorted(seen[2:4]) == [("steps", 0, True), ("steps", 1, True)]


def test_callbacks_and_threads_that_they_start_keep_subnormal_numbers() -> None:
    seen = list[bool]()

    def look(_event: object) -> None:
        seen.append(are_rounded_to_zero())
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(are_rounded_to_zero).result())

    x = np.random.default_rng(0).random((40, 6), dtype=np.float32)
    stack = StackedDenoisingAutoencoder(6, (4,), n_classes=2, seed=1)
    history = pretrain(stack, x, epochs=2, batch_size=8, optimizer="adam", callbacks=[look])
    finetune(stack, (x, np.arange(40) % 2), None, epochs=2, batch_size=8, callbacks=[look])
    assert history.records[-1].engine == "compiled"
    assert len(seen) > 8
    assert not any(seen)


@pytest.mark.parametrize("rule", [{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.9}])
def test_means_of_gradients_that_have_stayed_zero_are_zero(rule: dict[str, Any]) -> None:
    # The first column is seen in one row, the hundredth: its gradients are zero from then on.
    x = np.random.default_rng(0).random((1200, 5), dtype=np.float32)
    x[:, 0] = np.arange(1200) == 99
    config = FinetuningConfig.read({"batch_size": 1, "learning_rate": 0.01, **rule}, "finetune")
    y, data = torch.arange(1200) % 3, TensorRows(torch.from_numpy(x))
    states = []
    for kind in (CompiledFinetuning, AutogradFinetuning):
        stack = StackedDenoisingAutoencoder(5, (4,), n_classes=3, seed=2)
        engine = kind(stack, data, y, config, 9)
        engine.train(Plan(None, 1200, 1, 0.01, config, 0).minibatches(1), 1, 0.01)
        states.append(engine.state())
        engine.close()
    compiled, plain = states
    assert any(map(has_subnormal, plain.values()))
    assert not any(map(has_subnormal, compiled.values()))
    for name, values in plain.items():
        assert np.allclose(compiled[name], values, rtol=1e-4, atol=1e-6)
