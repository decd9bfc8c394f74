"""What surrounds a call, PyTorch's modes and defaults, does not change a byte of its result."""

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sdae import (
    DenoisingAutoencoder,
    SDAEClassifier,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
    StackedDenoisingAutoencoder,
    finetune,
    load,
    pretrain,
)
from sdae.core.errors import SdaeError
from tests.estimators.helpers import answers, quick
from tests.estimators.helpers import labels as classes_of
from tests.estimators.helpers import rows as real_rows
from tests.train.helpers import labelled, small_stack, state_bytes

X, Y = labelled(40)
SPLIT = (X, Y), (X[:15], Y[:15]), (X[15:30], Y[15:30])
ROWS = real_rows(40)
Stack = StackedDenoisingAutoencoder


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def default_dtype(kind: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def all_at_once() -> Iterator[None]:
    with ExitStack() as stack:
        for name in ("inference_mode", "autocast", "within meta", "float64", "NumPy raises"):
            stack.enter_context(SURROUNDINGS[name]())
        yield


class Watching(TorchFunctionMode):
    """A mode that does nothing, as those that count operations do."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return function(*args, **(kwargs or {}))


def _kept(tensor: Tensor) -> Tensor:
    return tensor.clone()


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "set_grad_enabled": lambda: torch.set_grad_enabled(False),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast to float16": lambda: torch.autocast("cpu", torch.float16),
    "default meta": lambda: default_device("meta"),
    "default cuda": lambda: default_device("cuda"),  # there or not
    "within meta": lambda: torch.device("meta"),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "deterministic": deterministic,
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True),
    "a mode": Watching,
    "hooks of saved tensors": lambda: torch.autograd.graph.saved_tensors_hooks(_kept, _kept),
    "NumPy raises": lambda: np.errstate(all="raise"),
    "all at once": all_at_once,
}

ENGINES: dict[str, dict[str, Any]] = {
    "fused": {"engine": "fused"},
    "closed_form": {"engine": "closed_form", "batch_size": 10},
    "autograd": {"engine": "autograd", "batch_size": 10, "momentum": 0.5},
}


def trained(settings: dict[str, Any]) -> bytes:
    """Train both stages, with validation; return all there is to compare."""
    stack = small_stack(tied=False, noise="gaussian:0.1", activation="tanh")
    return learned(stack, settings)


def learned(stack: Stack, settings: dict[str, Any]) -> bytes:
    first = pretrain(stack, X, epochs=2, learning_rate=0.1, seed=3, shuffle=True, **settings)
    second = finetune(
        stack, *SPLIT, epochs=3, learning_rate=0.1, dropout=0.2, input_dropout=0.1, **settings
    )
    told = [(r.cost, r.validation_error, r.test_error, r.findings) for r in first.records]
    told += [(r.cost, r.validation_error, r.test_error, r.findings) for r in second.records]
    assert not any(parameter.is_inference() for parameter in stack.parameters())
    return state_bytes(stack) + repr((told, second.best_epoch, second.test_error)).encode()


def regressed(settings: dict[str, Any]) -> bytes:
    stack = Stack(X.shape[1], (8,), n_targets=2, emphasis="double", activation="relu", seed=1)
    settings = settings if settings["engine"] == "autograd" else {}
    weights = np.linspace(0.5, 2, len(X))
    pretrain(stack, X, epochs=1, batch_size=10, codes="memmap")
    pair = X, X[:, :2]
    finetune(stack, pair, pair, epochs=2, sample_weight=weights, max_norm=1.0, **settings)
    return state_bytes(stack) + stack.predict_values(X).numpy().tobytes()


def stepped() -> bytes:
    stack = small_stack()
    steps = stack.pretraining_functions(X, 10, seed=2)
    costs = [step(index) for step in steps for index in range(3)]
    train, valid, test = stack.build_finetune_functions(SPLIT, 10, 0.1)
    costs += [train(index) for index in range(3)]
    return state_bytes(stack) + repr((costs, valid(), test())).encode()


def answered(stack: Stack) -> bytes:
    parts = (stack.predict_proba(X), stack.predict(X), stack.errors(X, Y))
    return b"".join(part.numpy().tobytes() for part in parts)


def kept(path: Path) -> bytes:
    stack = small_stack()
    stack.save(path / "model.safetensors")
    loaded = Stack.load(path / "model.safetensors")
    loaded.add_regression_head(1) if loaded.n_classes is None else None
    return (path / "model.safetensors").read_bytes() + answered(loaded) + state_bytes(loaded)


def estimated(kind: type, path: Path) -> bytes:
    few = {} if kind in (SDAETransformer, SDAEOutlierDetector) else {"n_iter_no_change": 1}
    estimator = quick(kind, engine="auto", **few, **({"tol": 1e9} if few else {}))
    estimator.fit(ROWS, classes_of(ROWS))
    estimator.partial_fit(ROWS, classes_of(ROWS))
    estimator.save(path / "estimator")
    loaded: Any = load(path / "estimator")
    loaded.partial_fit(ROWS, classes_of(ROWS))
    parts = [*answers(estimator, ROWS), *answers(loaded, ROWS)]
    if kind is SDAETransformer:
        parts.append(estimator.inverse_transform(estimator.transform(ROWS)))
    return b"".join(part.tobytes() for part in parts) + state_bytes(loaded.network_)


def resumed(path: Path) -> bytes:
    """Train with checkpoints, then go through the stages again: they end at once."""
    stack = small_stack()
    for each in (stack, again := small_stack()):
        pretrain(each, X, epochs=2, batch_size=10, optimizer="adam", checkpoint=path / "kept")
        finetune(each, *SPLIT, epochs=2, batch_size=10, checkpoint=path / "kept")
    assert state_bytes(stack) == state_bytes(again)
    return state_bytes(stack)


DEEDS: dict[str, Callable[[Path], bytes]] = {
    "trained, fused": lambda _: trained(ENGINES["fused"]),
    "trained, closed_form": lambda _: trained(ENGINES["closed_form"]),
    "trained, autograd": lambda _: trained(ENGINES["autograd"]),
    "regressed": lambda _: regressed(ENGINES["autograd"]),
    "stepped": lambda _: stepped(),
    "answered": lambda _: answered(small_stack()),
    "kept": kept,
    "resumed": resumed,
    "classifier": lambda path: estimated(SDAEClassifier, path),
    "regressor": lambda path: estimated(SDAERegressor, path),
    "transformer": lambda path: estimated(SDAETransformer, path),
    "outliers": lambda path: estimated(SDAEOutlierDetector, path),
}


@cache
def undisturbed(name: str, folder: Path) -> bytes:
    folder.mkdir(exist_ok=True)
    return DEEDS[name](folder)


MOST_HARMFUL = ("no_grad", "inference_mode", "autocast", "default meta", "all at once")
SOME = [deed for deed in DEEDS if deed.startswith("trained")] + ["stepped", "classifier"]


@pytest.mark.parametrize(
    ("surroundings", "deed"),
    [(name, deed) for name in SURROUNDINGS for deed in (DEEDS if name in MOST_HARMFUL else SOME)],
)
def test_surroundings_do_not_change_a_byte(
    surroundings: str, deed: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = undisturbed(deed, tmp_path_factory.getbasetemp() / "undisturbed")
    with SURROUNDINGS[surroundings]():
        found = DEEDS[deed](tmp_path)
    assert found == expected


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_a_call_leaves_the_surroundings_as_they_were(surroundings: str) -> None:
    def state() -> list[Any]:
        modes = [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
        kinds = [torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")]
        return [*modes, *kinds, torch.get_default_dtype(), np.geterr()]

    with SURROUNDINGS[surroundings]():
        before = state()
        pretrain(small_stack(), X, epochs=1, batch_size=10)
        with pytest.raises(SdaeError):
            pretrain(small_stack(), X[:, :2], epochs=1)
        assert state() == before


def test_what_was_made_in_inference_mode_trains_outside() -> None:
    with torch.inference_mode():
        made = small_stack()
        copied = copy.deepcopy(small_stack())
        pickled = pickle.loads(pickle.dumps(small_stack()))
        converted = small_stack().double().float()
        state = {name: value.clone() for name, value in small_stack().state_dict().items()}
        loaded = small_stack(seed=9).to("meta")
        loaded.load_state_dict(state, assign=True)
        headed = small_stack(n_classes=None)
        headed.add_head(3)
        layer = DenoisingAutoencoder(5, 3, corruption=0.1)
    for stack in (made, copied, pickled, converted, loaded, headed):
        learned(stack, {"batch_size": 10, "engine": "autograd"})
    layer.loss(torch.rand(4, 5)).mean().backward()
    with torch.inference_mode():
        steps = copy.deepcopy(small_stack()).pretraining_functions(X, 10)
    assert steps[0](0) > 0


def test_steps_go_on_after_a_conversion_in_inference_mode() -> None:
    stack, other = small_stack(), small_stack()
    steps = [each.pretraining_functions(X, 10)[1] for each in (stack, other)]
    tunes = [each.build_finetune_functions(SPLIT, 10, 0.1).train for each in (stack, other)]
    with torch.inference_mode():
        stack.load_state_dict(
            {n: v.clone() for n, v in stack.to("meta").to_empty(device="cpu").state_dict().items()},
            assign=True,
        )
    stack.load_state_dict(other.state_dict())
    assert steps[0](0) == steps[1](0)
    assert tunes[0](0) == tunes[1](0)
    assert state_bytes(stack) == state_bytes(other)


@pytest.mark.parametrize("settings", ENGINES.values(), ids=ENGINES)
def test_rows_and_labels_made_in_inference_mode_serve(settings: dict[str, Any]) -> None:
    with torch.inference_mode():
        x, y = torch.from_numpy(X) * 1, torch.from_numpy(Y) * 1
    stack, other = small_stack(), small_stack()
    for each, rows, labels in ((stack, x, y), (other, X, Y)):
        pretrain(each, rows, epochs=1, **settings)
        finetune(each, (rows, labels), (rows, labels), epochs=1, **settings)
    assert state_bytes(stack) == state_bytes(other)
    assert x.is_inference()
    stack.negative_log_likelihood(x, y).backward()


class Source:
    """A source of rows, made in inference mode or not."""

    def __init__(self, *, inference: bool) -> None:
        self._inference = inference

    def __len__(self) -> int:
        return len(X)

    def batch(self, minibatch: Any) -> Tensor:
        with torch.inference_mode(self._inference):
            return torch.from_numpy(X[minibatch.samples]) * 1


@pytest.mark.parametrize("settings", ENGINES.values(), ids=ENGINES)
def test_a_source_whose_rows_are_made_in_inference_mode_serves(settings: dict[str, Any]) -> None:
    stack, other = small_stack(), small_stack()
    for each, rows in ((stack, Source(inference=True)), (other, Source(inference=False))):
        pretrain(each, rows, epochs=1, **settings)
        finetune(each, (rows, Y), None, epochs=1, **settings)
    assert state_bytes(stack) == state_bytes(other)


@pytest.mark.parametrize("settings", ENGINES.values(), ids=ENGINES)
def test_rows_that_come_from_another_network_are_only_rows(settings: dict[str, Any]) -> None:
    below = torch.nn.Linear(4, X.shape[1])
    x = torch.sigmoid(below(torch.rand(40, 4)))
    stack, other = small_stack(), small_stack()
    for each, rows in ((stack, x), (other, x.detach())):
        pretrain(each, rows, epochs=1, **settings)
        finetune(each, (rows, Y), (rows, Y), epochs=1, **settings)
    assert state_bytes(stack) == state_bytes(other)
    assert below.weight.grad is None
    regressor = Stack(X.shape[1], (4,), n_targets=1)
    weights = x[:, 0] + 1
    finetune(regressor, (x, x[:, :1]), None, epochs=1, batch_size=10, sample_weight=weights)
    assert below.weight.grad is None


def test_where_the_user_put_the_network_it_stays() -> None:
    with torch.device("meta"), torch.autocast("cpu", torch.bfloat16):
        stack = small_stack(dtype=torch.float64)
        pretrain(stack, X, epochs=1, batch_size=10)
        assert stack.predict_proba(X).dtype == torch.float64
        assert stack.autoencoder(0).weight.device == torch.device("cpu")
    with torch.device("cpu"):
        assert small_stack().to("meta").autoencoder(0).weight.is_meta


def test_methods_of_a_module_follow_pytorch() -> None:
    stack = small_stack()
    with torch.autocast("cpu", torch.bfloat16):
        assert stack(X).dtype == torch.bfloat16
    with torch.no_grad():
        assert not stack.encode(X).requires_grad
    assert stack.encode(X).requires_grad


def test_numpy_may_raise_at_what_is_nearly_zero() -> None:
    """Probabilities near zero, and squares of small numbers, are below the smallest number."""
    x, y = np.r_[-1e3, 1e3].repeat(20).reshape(-1, 1), np.r_[0, 1].repeat(20)
    sure = quick(SDAEClassifier, max_iter=3, n_iter_no_change=1, tol=1e9).fit(x, y)
    with torch.no_grad():
        sure.network_.head.weight.mul_(1e6).add_(1e6)
        sure.network_.head.weight[0].neg_()
    expected = sure.predict_proba(x)
    assert expected.min() == 0
    with np.errstate(all="raise"):
        assert np.array_equal(sure.predict_proba(x), expected)
