"""Pickles and copies: of an estimator trained on a GPU they are whole where there is none.

The tests have no GPU: parameters that PyTorch takes for those of one stand in, or the question
where the network is gets another answer.
"""

import copy
import logging
import pickle
from collections.abc import Callable
from typing import Any

import joblib
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from sdae import SDAEClassifier, SDAETransformer, StackedDenoisingAutoencoder
from sdae.estimators import fitted as fitted_network
from tests.estimators.helpers import ALL, SUPERVISED, answers, labels, quick, rows
from tests.train.helpers import state_bytes

X = rows()
GPU = torch.device("cuda", 1)


def fitted(kind: type = SDAETransformer, **parameters: Any) -> Any:
    few = {"tol": 1e9, "n_iter_no_change": 1} if kind in SUPERVISED else {}
    return quick(kind, **few, **parameters).fit(X, labels(X))


def through_joblib(estimator: Any, folder: Any) -> Any:
    joblib.dump(estimator, folder / "estimator")
    return joblib.load(folder / "estimator")


WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "pickle": lambda estimator, _: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, _: copy.deepcopy(estimator),
    "joblib": through_joblib,
}


def fitted_on_gpu(monkeypatch: pytest.MonkeyPatch, kind: type = SDAETransformer) -> Any:
    """Return an estimator whose network says that it is on the second GPU."""
    estimator = fitted(kind)
    monkeypatch.setattr(fitted_network, "device_of", lambda _network: GPU)
    return estimator


def gpus(monkeypatch: pytest.MonkeyPatch, n: int, error: Exception | None = None) -> list[str]:
    """Pretend that there are `n` GPUs; return the list of where networks are moved."""
    moves: list[str] = []

    def to(stack: StackedDenoisingAutoencoder, device: Any) -> StackedDenoisingAutoencoder:
        moves.append(str(device))
        if error is not None and torch.device(device).type == "cuda":
            raise error
        return stack

    monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n)
    monkeypatch.setattr(StackedDenoisingAutoencoder, "to", to)
    return moves


@pytest.mark.parametrize("tied", [True, False])
def test_every_tensor_of_a_pickle_is_on_the_cpu(tied: bool) -> None:
    estimator = fitted(SDAEClassifier, tied=tied)
    with FakeTensorMode() as mode:
        for part in estimator.network_.modules():
            for name, parameter in list(part.named_parameters(recurse=False)):
                there = torch.empty(parameter.shape, device="cuda:1")
                setattr(part, name, nn.Parameter(there))
        stack = estimator.network_
        for autoencoder, linear in zip(stack.autoencoders, list(stack.mlp)[::2], strict=False):
            linear.weight, linear.bias = autoencoder.weight, autoencoder.hidden_bias
        stack.head.weight.grad = torch.empty_like(stack.head.weight)
        state = estimator.__getstate__()
    network = state["network_"]
    assert mode is not None
    assert {p.device.type for p in estimator.network_.parameters()} == {"cuda"}
    assert {p.device.type for p in network.parameters()} == {"cpu"}
    assert all(p.grad is None for p in network.parameters())
    assert [n for n, _ in network.named_parameters()] == [n for n, _ in stack.named_parameters()]
    network.check_facades()
    assert state["_network_device"] == "cuda:1"
    assert "_network_device" not in vars(estimator)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_without_a_gpu_the_network_stays_on_the_cpu(
    way: Callable[[Any, Any], Any],
    kind: type,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    estimator = fitted_on_gpu(monkeypatch, kind)
    estimator.set_params(device="cuda")
    before = dict(vars(estimator))
    with caplog.at_level(logging.INFO, "sdae"):
        copied = way(estimator, tmp_path)
    assert "cuda:1, which does not exist on this machine: it is on the CPU now" in caplog.text
    assert vars(estimator) == before
    assert vars(copied).keys() == before.keys()
    assert copied.network_ is not estimator.network_
    assert copied.device == "cuda"
    assert {p.device.type for p in copied.network_.parameters()} == {"cpu"}
    copied.network_.check_facades()
    assert state_bytes(copied.network_) == state_bytes(estimator.network_)


@pytest.mark.parametrize(("n", "place"), [(2, "cuda:1"), (4, "cuda:1"), (1, "cuda")])
def test_it_goes_back_to_its_gpu_or_to_another(
    n: int, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimator = fitted_on_gpu(monkeypatch)
    content = pickle.dumps(estimator)
    moves = gpus(monkeypatch, n)
    pickle.loads(content)
    copy.deepcopy(estimator)
    assert moves == [place, place]


def test_a_gpu_that_takes_no_more_leaves_it_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    estimator = fitted_on_gpu(monkeypatch)
    content = pickle.dumps(estimator)
    moves = gpus(monkeypatch, 2, torch.OutOfMemoryError("CUDA out of memory."))
    copied = pickle.loads(content)
    assert moves == ["cuda:1", "cpu"]
    assert "CUDA out of memory" in caplog.text
    assert state_bytes(copied.network_) == state_bytes(estimator.network_)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_on_the_cpu_a_copy_is_the_same_and_trains_the_same(
    way: Callable[[Any, Any], Any], kind: type, tmp_path: Any
) -> None:
    estimator = fitted(kind)
    assert estimator.__getstate__()["network_"] is estimator.network_
    copied = way(estimator, tmp_path)
    assert vars(copied).keys() == vars(estimator).keys()
    for each in (estimator, copied):
        getattr(each, "partial_fit", each.fit)(X, labels(X))
    pairs = zip(answers(estimator, X), answers(copied, X), strict=True)
    assert all((ours == theirs).all() for ours, theirs in pairs)


@pytest.mark.parametrize("kind", ALL)
def test_before_fit_too(kind: type) -> None:
    estimator = quick(kind, device="cuda")
    again = pickle.loads(pickle.dumps(estimator)).get_params()
    assert repr(again) == repr(estimator.get_params())  # NaN is not equal to itself
    assert copy.deepcopy(estimator).device == "cuda"
