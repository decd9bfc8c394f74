"""How many updates fit into a time: looks at validation and test rows take some of it."""

import pytest

from sdae.train.ladder import measuring
from sdae.train.ladder.measuring import seconds_of_a_look, updates_within
from sdae.train.ladder.walk import train_ladder
from tests.train.ladder.helpers import a_ladder, a_task, data


@pytest.mark.parametrize(
    ("look", "minutes", "n_updates"),
    [
        (0.0, 1.0, 57),
        (4.0, 1.0, 38),  # 4.75 epochs, whose looks take 19 s
        (4.0, 10.0, 490),  # 490 seconds, and 20 looks
        (1e9, 1.0, 1),
    ],
)
def test_the_time_holds_updates_and_looks(
    look: float, minutes: float, n_updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "seconds_of_an_update", lambda *_: 1.0)
    monkeypatch.setattr(measuring, "seconds_of_a_look", lambda *_: look)
    task = a_task(a_ladder(), max_minutes=minutes)  # 8 updates of an epoch
    assert updates_within(task, 0, None, None, None) == n_updates


def test_a_look_is_timed_on_a_copy() -> None:
    x, y, _ = data(50, 50, seed=6)
    network = a_ladder()
    task = a_task(network)
    before = [value.clone() for _, value in network.named_state()]
    assert seconds_of_a_look(task, None, None) == 0.0
    assert seconds_of_a_look(task, (x, y), None) > 0
    for (_, now), was in zip(network.named_state(), before, strict=True):
        assert now.equal(was)


def test_training_by_minutes_counts_its_own_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, more = data()
    monkeypatch.setattr(measuring, "seconds_of_an_update", lambda *_: 1.0)
    seen = list[tuple[object, object]]()

    def look(_: object, validation: object, test: object) -> float:
        seen.append((validation, test))
        return 8.0

    monkeypatch.setattr(measuring, "seconds_of_a_look", look)
    history = train_ladder(a_ladder(), (x, y), more, (x, y), batch_size=25, max_minutes=1.0)
    assert history.n_updates == 28
    assert len(seen) == 1
    assert (seen[0][0] is not None, seen[0][1]) == (True, None)
