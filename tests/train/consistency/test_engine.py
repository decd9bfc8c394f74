"""The engine against NumPy with gradients by hand, and what surrounds it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sdae import StackedDenoisingAutoencoder, finetune
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.rows import TensorRows
from sdae.train.consistency.neighbours import distance_to_neighbour
from sdae.train.consistency.spread_labels import spread_over
from sdae.train.engines.consistency import ConsistencyFinetuning
from sdae.train.finetuning import run_finetuning
from sdae.train.joined_rows import JoinedRows
from sdae.train.settings import CONSISTENCY, FinetuningConfig
from sdae.train.two_orders import EndlessPasses, late_decay
from tests.train.consistency.reference import Reference
from tests.train.helpers import state_bytes

V, H, C, SEED = 7, 6, 3, 4
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(9, V)), RNG.integers(C, size=9)
MORE = RNG.normal(size=(31, V))


def new_stack(**settings: Any) -> StackedDenoisingAutoencoder:
    given = {"activation": "tanh", "decoder": "linear", "dtype": torch.float64, **settings}
    return StackedDenoisingAutoencoder(V, (H,), C, seed=3, **given)


@pytest.mark.parametrize(
    "methods", [("label_spreading",), ("mean_teacher",), ("vat",), CONSISTENCY], ids="+".join
)
def test_updates_are_those_of_the_equations(methods: tuple[str, ...]) -> None:
    network, every = new_stack(), np.concatenate([X, MORE])
    rate, batch_size, epochs = 0.3, 8, 2
    rows = JoinedRows(TensorRows(torch.tensor(X)), TensorRows(torch.tensor(MORE)))
    spread = spread_over(rows, torch.tensor(Y), C, SEED, typed=False)
    linear, head = network.mlp[0], network.head
    assert isinstance(linear, nn.Linear)
    params = [linear.weight.T, linear.bias, head.weight.T, head.bias]
    reference = Reference(
        [p.detach().numpy().copy() for p in params],
        SEED,
        len(Y),
        frozenset(methods),
        0.35 * distance_to_neighbour(rows, 7, SEED),
        *((spread.classes, spread.certainty) if "label_spreading" in methods else ()),
    )
    passes, costs, n_updates = EndlessPasses(len(Y), batch_size, SEED), [], 10
    for update in range(n_updates):
        epoch, batch = divmod(update, 5)
        samples = np.arange(40)[batch * 8 : (batch + 1) * 8]
        places, numbers = passes.minibatch(update)
        labelled = X[places], Y[places], numbers * len(Y) + places
        others, falling = (every[samples], samples), rate * late_decay(update, n_updates)
        costs.append(reference.step(labelled, others, epoch + 1, update, n_updates, falling))

    history = finetune(
        network,
        (X, Y),
        None,
        semi_supervised=methods,
        unlabeled=MORE,
        learning_rate=rate,
        batch_size=batch_size,
        epochs=epochs,
        seed=SEED,
    )

    for ours, theirs in zip(params, reference.params, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-8, atol=1e-9)
    found = [record.cost for record in history.records]
    np.testing.assert_allclose(found, np.reshape(costs, (2, 5)).mean(axis=1), rtol=1e-8)
    assert [r.learning_rate for r in history.records] == [rate, rate * late_decay(5, 10)]


def test_rows_come_in_two_parts() -> None:
    rows = JoinedRows(TensorRows(torch.tensor(X)), TensorRows(torch.tensor(MORE)))
    for samples in ([3, 20, 0, 39, 9], [1, 2], [12, 10]):
        found = rows.batch(Minibatch(np.array(samples), None))
        assert (found.numpy() == np.concatenate([X, MORE])[samples]).all()
    assert len(rows) == 40


def clusters(n: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return two rings of rows, one around the other, each coordinate several times."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    angle = rng.random(n) * 2 * np.pi
    radius = (1 + y) * (1 + 0.05 * rng.normal(size=n))
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return np.tile(x, 6).astype(np.float32), y


@pytest.mark.parametrize("methods", ["label_spreading", ("label_spreading", "vat")])
@pytest.mark.untraced
def test_few_labels_are_enough_where_rows_form_groups(methods: str | tuple[str, ...]) -> None:
    x, y = clusters(400, 0)
    errors = []
    for ways in (None, methods):
        network = StackedDenoisingAutoencoder(
            12, (40,), 2, activation="tanh", decoder="linear", seed=1
        )
        history = finetune(
            network,
            (x[:8], y[:8]),
            None,
            semi_supervised=ways,
            unlabeled=x[8:] if ways else None,
            optimizer="adam",
            learning_rate=0.02,
            batch_size=32,
            epochs=60 if ways else 300,
        )
        assert history.records[-1].engine == ("autograd" if ways else "compiled")
        with torch.no_grad():
            predicted = network.output(torch.from_numpy(x)).argmax(1).numpy()
        errors.append((predicted != y).mean())
    assert errors[1] < 0.05 < errors[0]


def test_without_unlabelled_rows_it_learns_from_the_training_rows() -> None:
    one, other = new_stack(), new_stack()
    for network, x in ((one, X), (other, X + 0)):
        finetune(network, (x, Y), None, semi_supervised="vat", epochs=2, batch_size=3)
    assert state_bytes(one) == state_bytes(other)
    assert state_bytes(one) != state_bytes(new_stack())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"unlabeled": MORE}, "must be None without semi_supervised"),
        ({"semi_supervised": "magic"}, "one of 'label_spreading', 'mean_teacher', 'vat', or a "),
        ({"semi_supervised": ()}, "or a list of them, or none"),
        ({"semi_supervised": "vat", "engine": "closed_form"}, "does not learn from unlabelled"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        finetune(new_stack(), (X, Y), None, epochs=1, **settings)


def test_unlabelled_rows_of_another_width_are_refused() -> None:
    with pytest.raises(DataError, match="unlabeled must have shape"):
        finetune(new_stack(), (X, Y), None, semi_supervised="vat", unlabeled=MORE[:, :3])


def test_values_cannot_be_spread() -> None:
    network = StackedDenoisingAutoencoder(V, (H,), n_targets=1)
    with pytest.raises(InvalidParameterError, match="only classes"):
        finetune(network, (X, X[:, 0]), None, semi_supervised="vat", unlabeled=MORE)


def test_weights_of_rows_count() -> None:
    weighed, alone = new_stack(), new_stack()
    config = FinetuningConfig(semi_supervised=("vat",), epochs=1, batch_size=5)
    weight = np.array([1.0] * 4 + [0.0] * 5)
    run_finetuning(weighed, (X, Y), None, None, config, sample_weight=weight, unlabeled=MORE)
    run_finetuning(alone, (X, Y), None, None, config, unlabeled=MORE)
    assert state_bytes(weighed) != state_bytes(alone)


def engine() -> ConsistencyFinetuning:
    config = FinetuningConfig(semi_supervised=CONSISTENCY, batch_size=5, epochs=2)
    every = TensorRows(torch.tensor(np.concatenate([X, MORE])))
    return ConsistencyFinetuning(new_stack(), every, torch.tensor(Y), config, SEED, 16)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("update", torch.tensor(17)),
        ("update", torch.tensor(1.0)),
        ("teacher.0.weight", torch.zeros(H, V)),
        ("teacher.0.weight", torch.full((H, V), torch.nan, dtype=torch.float64)),
        ("spread.classes", torch.full((40,), C)),
        ("spread.certainty", torch.zeros(39, dtype=torch.float64)),
        ("radius", torch.tensor(-1.0, dtype=torch.float64)),
        ("other", torch.zeros(1)),
    ],
)
def test_a_forged_state_is_refused(name: str, value: torch.Tensor) -> None:
    trained, fresh = engine(), engine()
    trained.train(minibatches(40, 5), 1, 0.1)
    state = trained.state()
    fresh.restore(state)
    assert {key: part.tolist() for key, part in fresh.state().items()} == {
        key: part.tolist() for key, part in state.items()
    }
    with pytest.raises((ValueError, LookupError)):
        engine().restore({**state, name: value})
    if name in state:
        with pytest.raises(LookupError):
            engine().restore({key: part for key, part in state.items() if key != name})
