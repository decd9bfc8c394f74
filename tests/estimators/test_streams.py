"""``partial_fit``: the optimisers continue from one chunk to the next."""

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

import sdae
from sdae import SDAEClassifier, SDAERegressor, SDAETransformer
from sdae.core.errors import DataError, TrainingDivergedError
from tests.estimators.helpers import STREAMING, labels, quick, rows

X = rows()
Y = labels(X)
CHUNKS = (slice(0, 20), slice(20, 45), slice(45, 60))
PLAIN: dict[str, Any] = {"shuffle": False, "batch_size": 10, "scale": "none", "alpha": 0.01}
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def parameters_of(model: Any) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.network_.parameters()]


def same(one: Any, other: Any) -> bool:
    pairs = zip(parameters_of(one), parameters_of(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def stream(model: Any, chunks: Any = CHUNKS) -> Any:
    more = {"classes": [0, 1, 2]} if isinstance(model, SDAEClassifier) else {}
    for chunk in chunks:
        model.partial_fit(X[chunk], Y[chunk], **more)
    return model


def plain_loop(
    trained: list[nn.Parameter], optimizer: torch.optim.Optimizer, loss: Callable[[slice], Tensor]
) -> None:
    """Train on all chunks in batches of 10, with one optimiser."""
    assert trained
    for chunk in CHUNKS:
        for start in range(chunk.start, chunk.stop, 10):
            optimizer.zero_grad()
            loss(slice(start, min(start + 10, chunk.stop))).backward()
            optimizer.step()


def test_finetuning_in_chunks_is_one_adam_going_on() -> None:
    model = stream(quick(SDAEClassifier, pretrain_epochs=0, **PLAIN))
    begin = quick(SDAEClassifier, pretrain_epochs=0, **PLAIN)
    network = stream(begin.set_params(learning_rate_init=1e-30), CHUNKS[:1]).network_
    head = network.head
    with torch.no_grad():  # the head of a new network is 0
        head.weight.zero_()
        head.bias.zero_()
    trained = list(network.mlp.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": 0.001},
        {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0.0},
    ]
    adam = torch.optim.Adam(groups, lr=0.005)
    x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y)
    plain_loop(trained, adam, lambda at: nn.functional.cross_entropy(network.mlp(x[at]), y[at]))
    for ours, theirs in zip(model.network_.mlp.parameters(), trained, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    state = model._memory._parts["finetuning"].state
    in_order = [p for group in groups for p in group["params"]]
    for number, parameter in enumerate(in_order):
        for name in MOMENTS:
            kept = state[f"{number}.{name}"]
            torch.testing.assert_close(kept, adam.state[parameter][name], rtol=1e-3, atol=1e-7)


def test_pretraining_in_chunks_is_one_adam_going_on() -> None:
    settings = {**PLAIN, "hidden_layer_sizes": (6,), "corruption": "masking:0"}
    del settings["alpha"]
    model = stream(quick(SDAETransformer, pretrain_epochs=5, **settings))
    begin = quick(SDAETransformer, pretrain_epochs=5, **settings)
    begin.set_params(pretrain_learning_rate=1e-30)
    layer = stream(begin, CHUNKS[:1]).network_.autoencoder(0)
    trained = list(layer.parameters())
    adam = torch.optim.Adam(trained, lr=0.001)
    x = torch.tensor(X, dtype=torch.float32)

    def cost(at: slice) -> Tensor:
        cost: Tensor = (layer(x[at]) - x[at]).square().sum(dim=1).mean()
        return cost

    plain_loop(trained, adam, cost)
    for ours, theirs in zip(model.network_.autoencoder(0).parameters(), trained, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", STREAMING)
@pytest.mark.parametrize("solver", ["adam", "sgd", "nadam", "rmsprop"])
def test_a_copy_by_pickle_goes_on_like_the_original(kind: type, solver: str) -> None:
    if solver == "sgd" and kind not in (SDAEClassifier, SDAERegressor):
        solver = "adamw"
    model = quick(kind, pretrain_epochs=9)
    if hasattr(model, "solver"):
        model.set_params(solver=solver)
    stream(model, CHUNKS[:2])
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert same(stream(other, CHUNKS[2:]), stream(copy.deepcopy(model), CHUNKS[2:]))
    model._memory = type(model._memory)()
    assert not same(model, other)
    assert not same(stream(model, CHUNKS[2:]), other)


def test_a_file_does_not_hold_the_memory(tmp_path: Path) -> None:
    model = stream(quick(SDAEClassifier), CHUNKS[:2])
    model.save(tmp_path / "stream.safetensors")
    loaded = sdae.load(tmp_path / "stream.safetensors")
    model._memory = type(model._memory)()
    assert same(stream(loaded, CHUNKS[2:]), stream(model, CHUNKS[2:]))


@pytest.mark.parametrize("warm_start", [False, True])
def test_fit_begins_anew(warm_start: bool) -> None:
    model = quick(SDAERegressor, warm_start=warm_start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        stream(model).fit(X, Y)
    assert model._memory._parts == {}
    other = copy.deepcopy(model)
    assert same(stream(model), stream(other))
    assert not hasattr(clone(model), "_memory")


def test_another_solver_begins_anew() -> None:
    model = stream(quick(SDAEClassifier), CHUNKS[:2]).set_params(solver="adamw")
    other = copy.deepcopy(model)
    other._memory = type(other._memory)()
    assert same(stream(model, CHUNKS[2:]), stream(other, CHUNKS[2:]))


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_momentum_may_change_in_a_stream(momentum: float) -> None:
    model = stream(quick(SDAEClassifier, solver="sgd", momentum=0.9), CHUNKS[:2])
    model.set_params(momentum=momentum)
    assert np.isfinite(stream(model, CHUNKS[2:]).predict_proba(X)).all()


def test_the_next_layer_begins_anew_and_the_end_forgets_pretraining() -> None:
    model = quick(SDAETransformer, pretrain_epochs=2)
    layers = []
    for _ in range(5):
        stream(model, CHUNKS[:1])
        part = model._memory._parts.get("pretraining")
        steps = None if part is None else int(part.state["0.step"])
        layers.append(None if part is None else (part.layer, steps))
    assert layers == [(0, 1), (0, 2), (1, 1), (1, 2), None]


def test_a_chunk_without_labels_keeps_the_memory_of_finetuning() -> None:
    model = stream(quick(SDAEClassifier, unlabeled_label=-1), CHUNKS[:1])
    before = model._memory._parts["finetuning"]
    model.partial_fit(X[:20], np.full(20, -1))
    assert model._memory._parts["finetuning"] is before


def test_a_refused_or_failed_chunk_leaves_the_memory_as_it_was() -> None:
    model = stream(quick(SDAERegressor, solver="sgd", pretrain_epochs=9), CHUNKS[:2])
    whole = copy.deepcopy(model)
    with pytest.raises(DataError, match="too far from the"):
        model.partial_fit(X, Y * 1e30)
    model.set_params(learning_rate_init=1e30)
    with pytest.raises(TrainingDivergedError):  # after the epoch of pre-training
        model.partial_fit(X, Y)
    model.set_params(learning_rate_init=0.005)
    assert same(model, whole)
    assert same(stream(model, CHUNKS[2:]), stream(whole, CHUNKS[2:]))


@pytest.mark.parametrize("change", ["frozen", "thawed", "type"])
def test_a_changed_network_goes_on(change: str) -> None:
    model = quick(SDAEClassifier, pretrain_epochs=0)
    stream(model, CHUNKS[:1])
    layer = model.network_.autoencoder(0).weight
    layer.requires_grad_(change == "type")
    if change == "type":
        model.network_.double()
    elif change == "thawed":
        stream(model, CHUNKS[1:2])
        layer.requires_grad_(True)
    before = layer.detach().clone()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream(model, CHUNKS[1:])
    assert torch.equal(before, model.network_.autoencoder(0).weight) is (change == "frozen")
    steps = model._memory._parts["finetuning"].state["1.step"]
    assert int(steps) == 2  # of one minibatch a chunk; it began anew where the network had changed


def test_a_pickle_of_an_older_version_goes_on() -> None:
    model = stream(quick(SDAEClassifier), CHUNKS[:1])
    state = model.__getstate__()
    del state["_memory"]
    older = SDAEClassifier.__new__(SDAEClassifier)
    older.__setstate__(state)
    assert stream(older, CHUNKS[1:]).predict(X).shape == (60,)


@pytest.mark.parametrize("kind", STREAMING)
def test_a_first_row_alone_is_warned_of(kind: type, caplog: pytest.LogCaptureFixture) -> None:
    def warned(model: Any, *sizes: int) -> int:
        caplog.clear()
        stream(model, [slice(0, size) for size in sizes])
        return sum("it has a single row" in text for text in caplog.messages)

    assert warned(quick(kind), 1, 1) == 1
    assert warned(quick(kind), 2, 1) == 0
    assert warned(quick(kind, scale="none"), 1, 1) == 0
