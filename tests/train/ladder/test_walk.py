"""Training of a ladder: learning, records, resuming, limits of time, and errors."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae.core.errors import DataError, InvalidParameterError, TrainingDivergedError
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.ladder import autograd, compiled, measuring
from sdae.train.ladder.walk import train_ladder
from tests.train.ladder.helpers import C, V, a_ladder, data

ENGINES = ("compiled", "autograd")


def trained(network: LadderNetwork | None = None, **settings: Any) -> tuple[LadderNetwork, Any]:
    network = network or LadderNetwork(V, (12, 8), n_classes=C, seed=1)
    x, y, more = data()
    given = {"n_updates": 60, "batch_size": 20, "denoising_costs": 10, **settings}
    return network, train_ladder(network, (x, y), more, **given)


def state_bytes(network: LadderNetwork) -> bytes:
    return b"".join(value.detach().numpy().tobytes() for _, value in network.named_state())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.untraced
def test_it_learns(engine: str) -> None:
    network, history = trained(n_updates=300, engine=engine)
    x, y, _ = data(400, 400, seed=5)

    assert history.costs()[-1] < history.costs()[0] / 2
    assert float(FoldedLadder(network).errors(x, y)) < 0.1


def test_records_are_of_passes_over_all_rows() -> None:
    _, history = trained(n_updates=25)

    assert [record.epoch for record in history.records] == [1, 2, 3]  # 10 updates each, and 5
    assert {record.stage for record in history.records} == {"ladder"}
    assert history.records[0].learning_rate == 0.002
    assert history.records[-1].learning_rate == pytest.approx(0.002 * 3 / 25)
    assert not history.stopped_early


def test_held_out_rows_are_scored_along_the_way_and_at_the_end() -> None:
    x, y, _ = data(100, 100, seed=6)
    network, history = trained(n_updates=400, validation=(x[:50], y[:50]), test=(x[50:], y[50:]))
    errors = [record.validation_error for record in history.records]
    folded = FoldedLadder(network)

    assert 18 <= sum(error is not None for error in errors) <= 20
    assert history.best_validation_error == errors[-1] == float(folded.errors(x[:50], y[:50]))
    assert history.test_error == float(folded.errors(x[50:], y[50:]))


def test_scoring_has_no_effect_on_training() -> None:
    x, y, _ = data(50, 50, seed=6)

    assert state_bytes(trained()[0]) == state_bytes(trained(validation=(x, y))[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_seed_decides_everything(engine: str) -> None:
    once, again, other = (trained(seed=s, engine=engine)[0] for s in (4, 4, 5))

    assert state_bytes(once) == state_bytes(again)
    assert state_bytes(once) != state_bytes(other)


class Cut(BaseException):
    """The end of a process, as far as training can tell."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_slices", [1, 4, 9])
def test_a_training_cut_anywhere_goes_on_to_the_byte(
    engine: str, n_slices: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (autograd, compiled):
        monkeypatch.setattr(module, "samples_between_looks", lambda *_: 100)  # 5 updates
    whole, history = trained(engine=engine)
    calls = iter(range(1, 100))
    interruption = lambda: Cut() if next(calls) == n_slices else None  # noqa: E731 - one line
    with pytest.raises(Cut):
        trained(engine=engine, checkpoint=Checkpoint(tmp_path, "1steps", interruption=interruption))
    resumed, its_history = trained(engine=engine, checkpoint=Checkpoint(tmp_path, "1steps"))

    assert state_bytes(resumed) == state_bytes(whole)
    assert its_history.costs() == history.costs()
    again, _ = trained(
        engine=engine, checkpoint=Checkpoint(tmp_path, "1steps")
    )  # nothing is left to do
    assert state_bytes(again) == state_bytes(whole)


def test_engines_follow_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in (autograd, compiled):
        monkeypatch.setattr(module, "samples_between_looks", lambda *_: 100)
    calls = iter(range(1, 100))
    interruption = lambda: Cut() if next(calls) == 3 else None  # noqa: E731 - one line
    with pytest.raises(Cut):
        trained(
            engine="autograd", checkpoint=Checkpoint(tmp_path, "1steps", interruption=interruption)
        )
    with caplog.at_level(logging.WARNING, "sdae"):
        _, history = trained(engine="compiled", checkpoint=Checkpoint(tmp_path, "1steps"))
    _, whole = trained(engine="compiled")

    assert "engine was autograd, and is compiled" in caplog.text
    assert history.costs() == pytest.approx(whole.costs(), rel=1e-2)


def test_a_checkpoint_belongs_to_its_training(tmp_path: Path) -> None:
    trained(checkpoint=Checkpoint(tmp_path, "1steps"))
    others: list[dict[str, Any]] = [{"seed": 9}, {"n_updates": 61}, {"denoising_costs": 11}]
    for changed in others:
        with pytest.raises(InvalidParameterError, match="belongs to another training"):
            trained(checkpoint=Checkpoint(tmp_path, "1steps"), **changed)


def test_minutes_choose_the_number_of_updates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "seconds_of_an_update", lambda *_: 0.5)
    network, history = trained(max_minutes=0.5, checkpoint=Checkpoint(tmp_path, "1steps"))
    assert sum(round(r.seconds * r.samples_per_second) for r in history.records) == 57 * 20
    assert history.n_updates == 57

    monkeypatch.setattr(measuring, "seconds_of_an_update", lambda *_: 0.1)  # a faster machine
    again, same = trained(max_minutes=0.5, checkpoint=Checkpoint(tmp_path, "1steps"))
    assert state_bytes(again) == state_bytes(network)
    assert same == history
    by_number, _ = trained(n_updates=history.n_updates)
    assert state_bytes(by_number) == state_bytes(network)


def test_a_checkpoint_by_number_and_one_by_minutes_name_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "seconds_of_an_update", lambda *_: 0.5)
    by_number = Checkpoint(tmp_path / "number", "1steps")
    trained(n_updates=40, checkpoint=by_number)
    words = r"n_updates was 40, and is what max_minutes allows now\."
    with pytest.raises(InvalidParameterError, match=words):
        trained(n_updates=40, max_minutes=0.1, checkpoint=by_number)
    by_minutes = Checkpoint(tmp_path / "minutes", "1steps")
    trained(n_updates=40, max_minutes=0.1, checkpoint=by_minutes)
    trained(n_updates=60, max_minutes=0.1, checkpoint=by_minutes)
    with pytest.raises(InvalidParameterError, match="was what max_minutes allows, and is 40 now"):
        trained(n_updates=40, checkpoint=by_minutes)


def test_an_update_is_timed_on_a_copy() -> None:
    network, _ = trained(a_ladder(), max_minutes=0.002)
    x, y, _ = data()

    assert FoldedLadder(network).predict(x).shape == y.shape


def test_fewer_labels_than_a_batch_and_few_rows() -> None:
    network = LadderNetwork(V, (12,), n_classes=C, seed=1)
    x, y, more = data(4, 30)
    train_ladder(network, (x, y), more, n_updates=20, batch_size=100, denoising_costs=10)
    train_ladder(network, (x, y), None, n_updates=20, denoising_costs=10)

    assert all(bool(value.isfinite().all()) for _, value in network.named_state())


@pytest.mark.untraced
def test_weights_say_what_counts() -> None:
    x, y, more = data(60, 200)
    wrong = np.where(np.arange(60) < 30, y, (y + 1) % C)
    errors = []
    for weights in (None, np.where(np.arange(60) < 30, 1.0, 0.0)):
        network = LadderNetwork(V, (12,), n_classes=C, seed=1)
        settings: dict[str, Any] = {"n_updates": 300, "batch_size": 30, "denoising_costs": 10}
        train_ladder(network, (x, wrong), more, sample_weight=weights, **settings)
        test_x, test_y, _ = data(300, 300, seed=8)
        errors.append(float(FoldedLadder(network).errors(test_x, test_y)))

    assert errors[1] < 0.15 < 0.25 < errors[0]


@pytest.mark.parametrize(
    ("combinator", "n_updates", "rate"), [("gaussian", 400, 0.002), ("augmented_mlp", 600, 0.01)]
)
@pytest.mark.untraced
def test_reconstruction_becomes_better_than_the_noisy_rows(
    combinator: str, n_updates: int, rate: float
) -> None:
    network = LadderNetwork(V, (20,), n_classes=C, input_noise=1.0, combinator=combinator, seed=1)
    trained(network, n_updates=n_updates, denoising_costs=50, learning_rate=rate)
    x = torch.from_numpy(data()[2])
    noisy = x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    error = (FoldedLadder(network).reconstruct(noisy) - x).square().mean()

    assert float(error) < 0.8 * float((noisy - x).square().mean())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_updates": 0}, "n_updates"),
        ({"max_minutes": 0}, "max_minutes"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"batch_size": 1}, "batch_size"),
        ({"denoising_costs": (1, 2)}, "denoising_costs"),
        ({"denoising_costs": -1}, "denoising_costs"),
        ({"engine": "fused"}, "engine"),
        ({"seed": 1.5}, "seed"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        trained(**settings)


def test_wrong_rows_are_refused() -> None:
    x, y, more = data()
    network = a_ladder()
    for train, unlabeled, words in (
        ((x, y + 1), more, "training set"),
        ((x[:, :4], y), more, "training set"),
        ((x, y), more[:, :4], "unlabeled"),
        ((x, y), np.full_like(more, np.nan), "unlabeled"),
    ):
        with pytest.raises(DataError, match=words):
            train_ladder(network, train, unlabeled, n_updates=2)
    for pair, got in ((None, "a NoneType"), ((x, y, y), "a tuple of 3"), (x, "a ndarray")):
        wrong: Any = pair
        with pytest.raises(DataError, match=rf"training set must be a pair \(x, y\).*Got {got}"):
            train_ladder(network, wrong, n_updates=2)
        if pair is not None:
            with pytest.raises(DataError, match="test set must be a pair"):
                train_ladder(network, (x, y), None, None, wrong, n_updates=2)


def test_divergence_is_told_with_its_place() -> None:
    with pytest.raises(TrainingDivergedError, match=r"ladder, epoch 1.*learning rate"):
        trained(learning_rate=1e30, n_updates=20)
