"""The pieces of an adaptive learning rate: each has an order and a noise of its own."""

from typing import Any

import pytest

from sdae import SDAEClassifier
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from sdae.train.engines.drawing import draw_stays
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_each_piece_visits_the_rows_and_drops_units_in_an_order_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders: list[tuple[NoiseKey, bytes]] = []
    keys: list[NoiseKey] = []

    def order(key: NoiseKey, n_rows: int) -> Any:
        places = visiting_order(key, n_rows)
        if key.stream is Stream.FINETUNING_ORDER:
            orders.append((key, places.tobytes()))
        return places

    def draw(team: Any, level: float, key: NoiseKey, *rest: Any) -> None:
        keys.append(key)
        draw_stays(team, level, key, *rest)

    monkeypatch.setattr("sdae.train.epoch.visiting_order", order)
    monkeypatch.setattr("sdae.train.engines.compiled_finetuning.draw_stays", draw)
    x = rows()
    model = quick(
        SDAEClassifier,
        solver="sgd",
        learning_rate="adaptive",
        tol=10.0,  # a plateau at once
        n_iter_no_change=1,
        max_iter=6,
        dropout=0.2,
    ).fit(x, labels(x))
    rates = {record.learning_rate for record in model.history_ if record.layer is None}
    assert len(rates) == 3
    firsts = [places for key, places in orders if key.epoch == 1]
    assert len(firsts) == 3
    assert len({places for _, places in orders}) == len(orders)
    seeds = {key.seed for key in keys if key.stream is Stream.DROPOUT}
    assert len(seeds) == 3
    assert seeds == {key.seed for key, _ in orders}
