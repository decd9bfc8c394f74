"""Two, three and four real processes train what one does.

One process is the reference: its engines have proofs of their own.
"""

import json

import numpy as np
import pytest

from tests.train.processes.cases import CASES, DETERMINISTIC, FLOAT32, OF_FOUR, SAME
from tests.train.processes.ranks import ERROR, Found, Ranks, found_by, run_ranks

MODULE = "tests.train.processes.cases"
ALL_OF = {2: list(CASES), 3: list(DETERMINISTIC), 4: list(OF_FOUR)}
SIZES = pytest.mark.parametrize("size", [2, 4])
SAME_OF = [(2, name) for name in SAME] + [(4, name) for name in OF_FOUR if name in SAME]
ANY_OF = [(size, name) for size, names in ALL_OF.items() for name in names]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Ranks]:
    return run_ranks(MODULE, ALL_OF, tmp_path_factory.mktemp("ranks"))


@pytest.fixture(scope="module")
def alone() -> dict[str, Found]:
    return {name: found_by(case) for name, case in CASES.items()}


def assert_close(found: Found, expected: Found, tolerance: float) -> None:
    assert found.keys() == expected.keys()
    assert json.loads(str(found["said"])) == json.loads(str(expected["said"]))
    for name, value in expected.items():
        if name != "said":
            scale = max(1.0, float(np.abs(value).max(initial=0.0)))
            assert np.abs(found[name] - value).max(initial=0.0) <= tolerance * scale, name


def assert_same_bytes(found: Found, expected: Found) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize(("size", "name"), SAME_OF)
def test_processes_train_what_one_does(
    name: str, size: int, ranks: dict[int, Ranks], alone: dict[str, Found]
) -> None:
    assert ERROR not in alone[name]
    assert_close(ranks[size][0][name], alone[name], 1e-12)


@SIZES
@pytest.mark.parametrize("name", FLOAT32)
def test_in_float32_they_agree_after_two_hundred_steps(
    name: str, size: int, ranks: dict[int, Ranks], alone: dict[str, Found]
) -> None:
    assert_close(ranks[size][0][name], alone[name], 1e-5)


@pytest.mark.parametrize(("size", "name"), ANY_OF)
def test_all_processes_end_with_the_same_bytes_and_history(
    name: str, size: int, ranks: dict[int, Ranks]
) -> None:
    first, *others = (found[name] for found in ranks[size])
    for other in others:
        assert_same_bytes(other, first)


@SIZES
def test_the_gradient_of_a_step_is_that_of_the_mean_cost(
    size: int, ranks: dict[int, Ranks], alone: dict[str, Found]
) -> None:
    one, several = alone["one minibatch"], ranks[size][0]["one minibatch"]
    before = CASES["one minibatch"].keywords | {"epochs": 0}  # type: ignore[attr-defined]
    start = CASES["one minibatch"].func(**before)  # type: ignore[attr-defined]
    for name in ("autoencoders.0.weight", "autoencoders.0.visible_bias"):
        gradient = start[name] - one[name]  # at a rate of 1
        assert np.abs(gradient).max() > 1e-3
        np.testing.assert_allclose(start[name] - several[name], gradient, rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_has_the_bytes_of_one_process(
    name: str, size: int, ranks: dict[int, Ranks], alone: dict[str, Found]
) -> None:
    assert ERROR not in alone[name]
    assert_same_bytes(ranks[size][0][name], alone[name])


@SIZES
def test_a_cost_that_is_not_finite_ends_all_at_the_same_sample(
    size: int, ranks: dict[int, Ranks], alone: dict[str, Found]
) -> None:
    text = str(alone["diverged"][ERROR])
    assert "The cost is not finite (pretraining, layer 0, epoch 1, at sample 37," in text
    assert {str(found["diverged"][ERROR]) for found in ranks[size]} == {text}
