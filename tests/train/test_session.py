"""What the loops of both stages ask of their session."""

from pathlib import Path

import pytest

from sdae import Checkpoint, finetune, pretrain
from sdae.core.minibatches import minibatches
from sdae.train.callbacks import Event, PartStarted, SliceEnded
from sdae.train.epoch import Place, Plan, slices
from sdae.train.settings import PretrainingConfig
from tests.train.helpers import Recorder, labelled, small_stack, unit_rows

CONFIG = PretrainingConfig(batch_size=4)


def test_a_slice_has_no_more_minibatches_than_it_may_have_when_its_turn_comes() -> None:
    most = [3, 1, 99, 2]
    parts = slices(minibatches(40, 4), 24, lambda: most.pop(0))
    assert [(len(part), len(left)) for part, left in parts] == [(3, 7), (1, 6), (6, 0)]
    assert most == [2]  # the epoch was at its end


def test_a_place_counts_samples_steps_cost_and_time() -> None:
    batches = minibatches(10, 4)
    place = Place(1, 2).after(batches[:2], 3.0, 0.5).after(batches[2:], 2.0, 0.25)
    assert place == Place(1, 2, n_batches=3, n_samples=10, total=5.0, seconds=0.75)
    assert place.cost == 0.5


@pytest.mark.parametrize(
    ("place", "held"),
    [
        (Place(0), True),
        (Place(0, 2, 3, 10), True),
        (Place(0, 3), False),
        (Place(0, 1, 4, 10), False),
        (Place(0, 1, 2, 7), False),
    ],
)
def test_a_plan_holds_the_places_that_training_comes_to(place: Place, held: bool) -> None:
    assert Plan(0, 10, 2, 0.1, CONFIG, 0).holds(place) == held


def test_every_layer_and_the_network_visit_the_rows_in_orders_of_their_own() -> None:
    shuffled = PretrainingConfig(batch_size=4, shuffle=True)
    orders = {
        tuple(Plan(layer, 10, 2, 0.1, shuffled, seed).minibatches(epoch).joined.samples.tolist())
        for layer in (None, 0, 1)
        for seed in (0, 1)
        for epoch in (1, 2)
    }
    assert len(orders) == 12
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_a_stage_that_a_callback_stops_writes_no_checkpoint_of_the_broken_epoch(
    tmp_path: Path,
) -> None:
    def stops(event: Event) -> bool:
        return isinstance(event, SliceEnded) and event.epoch == 2

    looks: list[int] = []
    checkpoint = Checkpoint(tmp_path, every="1steps", interruption=lambda: looks.append(1))
    x = unit_rows(10)
    history = pretrain(small_stack(), x, epochs=3, checkpoint=checkpoint, callbacks=[stops])
    assert [record.epoch for record in history.records] == [1, 2]
    assert history.stopped_early
    assert len(looks) == 1  # after the slice of epoch 1


@pytest.mark.parametrize("stage", ["pretraining", "finetuning"])
def test_a_stage_without_epochs_compiles_nothing(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pretraining", "finetuning"):
        engine = f"sdae.train.engines.fused_{name}.Fused{name.capitalize()}"
        monkeypatch.setattr(f"{engine}.compiles", True)
    listener, pair = Recorder(), labelled(10)
    if stage == "pretraining":
        pretrain(small_stack(), pair[0], epochs=(0, 1), callbacks=[listener])
    else:
        finetune(small_stack(), pair, None, epochs=0, callbacks=[listener])
    begun = [event for event in listener.events if isinstance(event, PartStarted)]
    assert [event.compiles for event in begun] == (
        [False, True] if stage == "pretraining" else [False]
    )
