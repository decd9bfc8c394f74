"""When the fused engine applies on a GPU, and why not; no GPU is needed for the question."""

from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from sdae import StackedDenoisingAutoencoder
from sdae.core.corruption import parse_noise
from sdae.train.engines import cuda_support
from sdae.train.engines.choice import _chosen
from sdae.train.engines.cuda_support import cuda_fused_lacks
from sdae.train.engines.support import (
    Problem,
    finetuning_problem,
    fused_lacks,
    pretraining_problem,
)
from sdae.train.kernels.cuda.plans import Chip
from sdae.train.settings import FinetuningConfig, PretrainingConfig

CHIP = Chip((9, 0), 132, 232_448)


def _stack(n_visible: int = 784, **settings: object) -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(n_visible, (1000, 30), 10, **settings)  # type: ignore[arg-type]


def _pretraining(
    stack: StackedDenoisingAutoencoder, noise: str = "masking:0.3", **settings: object
) -> Problem:
    config = PretrainingConfig(**settings)  # type: ignore[arg-type]
    return pretraining_problem(stack.autoencoder(0), config, parse_noise(noise))


def _lacks(problem: Problem, chip: Chip = CHIP, fault: str | None = None) -> str | None:
    return cuda_fused_lacks(problem, lambda _: chip, lambda: fault)


def test_the_tutorial_can_be_trained() -> None:
    stack = _stack()
    assert _lacks(_pretraining(stack)) is None
    assert _lacks(_pretraining(stack, "salt_and_pepper:0.1")) is None
    assert _lacks(finetuning_problem(stack, FinetuningConfig(dropout=0.5), weighted=False)) is None


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (_pretraining(_stack(), batch_size=20), "only batch_size 1, and batch_size is 20"),
        (_pretraining(_stack(), momentum=0.9), "only plain gradient descent"),
        (_pretraining(_stack(activation="gelu")), "no kernel for the activation gelu"),
        (_pretraining(_stack(), "gaussian:0.1"), "on a GPU it has no kernel for the noise gauss"),
        (_pretraining(_stack(), "masking:0.3:exact"), "on a GPU it has no kernel for the noise m"),
        (_pretraining(_stack(), "swap:0.3"), "it has no kernel for the noise swap"),
        (_pretraining(_stack(tied=False)), "on a GPU it trains tied autoencoders"),
        (_pretraining(_stack(dtype=torch.float64)), "float32, and the parameters are torch.float6"),
        (_pretraining(_stack(5000)), "at most 4,096 units, and one has 5,000"),
        (
            finetuning_problem(_stack(5000), FinetuningConfig(), weighted=False),
            "at most 4,096 units, and one has 5,000",
        ),
        (finetuning_problem(_stack(), FinetuningConfig(), weighted=True), "sample weights"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_does_not_train_is_said(problem: Problem, words: str) -> None:
    assert words in str(_lacks(problem))


def test_kinds_that_only_the_cpu_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = _pretraining(_stack())
    monkeypatch.setattr(cuda_support, "LOSSES", (1,))
    assert "on a GPU it has no kernel for the decoder sigmoid" in str(_lacks(problem))
    monkeypatch.setattr(cuda_support, "ACTIVATIONS", (1, 2))
    assert "on a GPU it has no kernel for the activation sigmoid" in str(_lacks(problem))


def test_what_the_machine_lacks_is_said() -> None:
    problem = _pretraining(_stack())
    old = Chip((7, 5), 132, 232_448)
    assert _lacks(problem, old) == (
        "it needs a GPU of compute capability 8.0, and this one has 7.5"
    )
    assert "bytes of shared memory" in str(_lacks(problem, Chip((8, 6), 8, 101_376)))
    assert _lacks(problem, fault="cuda-core is not installed") == "cuda-core is not installed"
    stack = _stack()
    stack.autoencoder(0).weight.requires_grad_(False)
    assert "some are frozen" in str(_lacks(_pretraining(stack)))


def test_a_gpu_that_cannot_be_asked_is_left_to_the_next_engine() -> None:
    def fail(_: torch.device) -> Chip:
        raise AttributeError("no attribute\n'Device'.")

    reason = cuda_support.cuda_fused_lacks(_pretraining(_stack()), fail, lambda: None)
    assert reason == "cuda-core does not find out what the GPU is (no attribute 'Device')"


def test_where_the_network_is_on_a_gpu_the_gpu_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Problem] = []

    def answer(problem: Problem) -> str:
        asked.append(problem)
        return "it is too small"

    monkeypatch.setattr(cuda_support, "cuda_fused_lacks", answer)
    with FakeTensorMode():  # says that it is there, and has no memory
        parameters = [torch.empty(3, 2, device="cuda"), torch.empty(3, device="cuda")]
    problem = replace(_pretraining(_stack()), parameters=parameters)
    assert fused_lacks(problem) == "it is too small"
    assert asked == [problem]
    parameters[1] = torch.empty(3)
    assert "it runs on the CPU, and the network is on cpu, cuda" in str(fused_lacks(problem))


def test_where_only_the_gpu_is_in_the_way_a_warning_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cuda_support, "cuda_fused_lacks", lambda _: "it is too small")
    with FakeTensorMode():
        parameters = [torch.empty(3, 2, device="cuda")]
    problem = replace(_pretraining(_stack()), parameters=parameters)
    said = "Batch size 1 is slow without the fused engine, .* here: it is too small"
    with pytest.warns(RuntimeWarning, match=said):
        assert _chosen(problem) != "fused"
    for settings in ({"batch_size": 20}, {"momentum": 0.5}):
        problem = replace(problem, config=PretrainingConfig(**settings))
        assert _chosen(problem) != "fused"
