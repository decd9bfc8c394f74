"""Errors, interruptions and different settings in one process are felt by all, at once."""

import json
import logging
import weakref
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from sdae import Checkpoint
from sdae.train.processes.started import forget_groups
from tests.train.processes.cases import B, pretrained
from tests.train.processes.ranks import ERROR, Ranks, run_ranks
from tests.train.processes.troubles import CASES, DIFFERENT

SIZES = pytest.mark.parametrize("size", [2, 4])
OF_TWO = ("refused", "estimator", "slow", "hangs")
FOUR = [name for name in CASES if not name.startswith(OF_TWO)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("troubles")


@pytest.fixture(scope="module")
def ranks(folder: Path) -> dict[int, Ranks]:
    return run_ranks("tests.train.processes.troubles", {2: list(CASES), 4: FOUR}, folder)


def errors(ranks: Ranks, name: str) -> list[str]:
    return [str(found[name][ERROR]) for found in ranks]


@SIZES
@pytest.mark.parametrize("what", DIFFERENT)
def test_processes_that_would_train_something_else_are_refused_by_all(
    what: str, size: int, ranks: dict[int, Ranks]
) -> None:
    text = (
        f"InvalidParameterError: Process {size - 1} does not train the same as process 0: "
        f"different are {DIFFERENT[what]}. Start all processes with the same network, data, "
        "settings and versions."
    )
    assert errors(ranks[size], f"differs, {what}") == [text] * size


@SIZES
def test_of_rows_on_a_disk_some_are_compared(size: int, ranks: dict[int, Ranks]) -> None:
    for text in errors(ranks[size], "stored rows"):
        assert f"Process {size - 1} does not train the same as process 0: different are x." in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "batch_size 1",
            "The batch_size parameter of finetune must be at least 2, a row for each process. "
            "Got 1 instead. Minibatches are shared by the processes: start fewer of them, or take "
            "larger minibatches.",
        ),
        ("engine", "it trains in one process, and 2 train together. Use 'auto'."),
        (
            "semi_supervised",
            "must be none with several processes. Got 'vat' instead. Start one process, or set "
            "semi_supervised to none. Pre-training learns from unlabelled rows, and supports it.",
        ),
    ],
)
def test_what_they_do_not_support_is_an_error(
    name: str, text: str, ranks: dict[int, Ranks]
) -> None:
    for error in errors(ranks[2], f"refused, {name}"):
        assert text in error


@SIZES
def test_the_first_says_what_one_process_would_learn_from_unlabelled_rows(
    size: int, ranks: dict[int, Ranks]
) -> None:
    said = [json.loads(str(found["auto"]["said"])) for found in ranks[size]]
    text = (
        f"semi_supervised='auto' is None, since {size} processes train together: one process would "
        "learn from the rows without labels by label_spreading, vat. Start one process for that, "
        "or set semi_supervised to none."
    )
    nothing: dict[str, list[str]] = {"groups": [], "cloud": [], "deterministic": []}
    assert said == [{**nothing, "groups": [text]}] + [nothing] * (size - 1)
    assert all(str(found["auto"]["as_without"]) == "[true, true, true]" for found in ranks[size])


@SIZES
def test_a_ladder_needs_one_process(size: int, ranks: dict[int, Ranks]) -> None:
    for error in errors(ranks[size], "ladder"):
        assert f"train_ladder trains in one process, and a process group of {size}" in error


@SIZES
def test_auto_takes_autograd(size: int, ranks: dict[int, Ranks]) -> None:
    for found in ranks[size]:
        assert '"autograd"' in str(found["chosen"]["said"])


@SIZES
def test_an_error_in_a_callback_ends_all(size: int, ranks: dict[int, Ranks]) -> None:
    first, *others = errors(ranks[size], "callback")
    assert first == "LookupError: the callback"
    for rank, text in enumerate(others, start=1):
        assert text == (
            f"ProcessLostError: Process {rank} of {size} stopped training, because another process "
            "has ended. If that one reported an error, see there; otherwise it was killed."
        )


@SIZES
def test_an_error_of_any_process_ends_all(size: int, ranks: dict[int, Ranks]) -> None:
    *others, last = errors(ranks[size], "rows")
    assert last == "LookupError: row 41"
    assert all(text.startswith("ProcessLostError: ") for text in others)


@SIZES
@pytest.mark.parametrize("caller", ["pretrain", "finetune"])
def test_a_setting_that_one_process_refuses_ends_all(
    size: int, caller: str, ranks: dict[int, Ranks]
) -> None:
    *others, last = errors(ranks[size], f"setting, {caller}")
    assert f"The learning_rate parameter of {caller} must be" in last
    assert all(text.startswith("ProcessLostError: ") for text in others)


@pytest.mark.parametrize("name", ["slow callback", "slow checkpoint"])
def test_the_first_process_may_be_slower_than_a_step(name: str, ranks: dict[int, Ranks]) -> None:
    assert [found[name].get(ERROR) for found in ranks[2]] == [None, None]


def test_a_process_that_does_not_answer_ends_all(ranks: dict[int, Ranks]) -> None:
    first, late = errors(ranks[2], "hangs")
    assert "because another process did not answer within" in first
    assert late.startswith("ProcessLostError: Process 1 of 2 stopped training")


def test_an_error_does_not_keep_the_groups_of_pytorchs_frames() -> None:
    class Group:
        pass

    def fails(group: Group) -> None:
        raise LookupError(id(group))

    as_pytorchs = FunctionType(
        fails.__code__, {"__name__": "torch.distributed.any", "__builtins__": __builtins__}
    )
    group = Group()
    seen = weakref.ref(group)
    try:
        as_pytorchs(group)
    except LookupError as error:
        del group
        assert seen() is not None
        forget_groups(error)
        assert seen() is None


@SIZES
@pytest.mark.parametrize("name", ["resumed", "resumed, deterministic"])
def test_a_checkpoint_of_the_first_process_is_enough_to_resume(
    name: str, size: int, ranks: dict[int, Ranks]
) -> None:
    for rank, found in enumerate(ranks[size]):
        interruption = "ProcessLostError" if rank else "KeyboardInterrupt"
        assert json.loads(str(found[name]["seen"])) == [[interruption], rank == 0, True, True]


@SIZES
def test_finetuning_resumes_with_its_validation(size: int, ranks: dict[int, Ranks]) -> None:
    assert all(json.loads(str(found["finetuning resumed"]["seen"])) for found in ranks[size])


@SIZES
def test_only_the_first_process_warns(size: int, ranks: dict[int, Ranks]) -> None:
    first, *others = (json.loads(str(found["findings"]["seen"])) for found in ranks[size])
    assert first
    assert "pre-training changed the weights by" in " ".join(first)
    assert others == [[]] * (size - 1)


@SIZES
def test_small_shares_of_a_minibatch_give_one_warning_a_stage(
    size: int, ranks: dict[int, Ranks]
) -> None:
    first, *others = (json.loads(str(found["few rows"]["seen"])) for found in ranks[size])
    why = (
        "With fewer than 100 rows for each, the sums over the processes take longer than the "
        "sharing saves."
    )
    remedy = f"Set batch_size to {100 * size} or more, or train in one process."
    begin = f"{size} processes share minibatches of"
    few = f"{begin} {100 * size - 1} rows in {{}}. {why} {remedy}"
    assert first == {
        "enough": [],
        "few": [few.format("pretraining")],
        "ended": [],
        "none": [],
        "finetuned": [few.format("finetuning")],
        "enough, finetuned": [],
        "all rows": [f"{begin} 53 rows in finetuning. {why} Train in one process."],
    }
    assert all(not any(said.values()) for said in others)


def test_an_estimator_fits_alone_and_the_first_says_so(ranks: dict[int, Ranks]) -> None:
    one, other = (found["estimator"]["answers"] for found in ranks[2])
    assert one.shape == other.shape == (60, 2)
    assert (one != other).any()  # another seed in each
    said = [json.loads(str(found["estimator"]["said"])) for found in ranks[2]]
    assert said == [
        [
            "SDAEClassifier trains by itself in each of the 2 processes, which do not share the "
            "work. Start one process, or train a stack by pretrain and finetune, which share it in "
            "a process group."
        ],
        [],
    ]


@pytest.mark.parametrize(("deterministic", "warns"), [(False, True), (True, False)])
def test_one_process_goes_on_and_says_that_there_were_more(
    deterministic: bool,
    warns: bool,
    ranks: dict[int, Ranks],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = folder / f"checkpoints-2-{deterministic}-0"
    options: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.01, "epochs": 3}
    resume = partial(
        pretrained, checkpoint=Checkpoint(place), deterministic=deterministic, **options
    )
    with caplog.at_level(logging.WARNING, "sdae"):
        found = resume()
    assert ("number of processes was 2, and is 1" in caplog.text) == warns
    name = "resumed, deterministic" if deterministic else "resumed"
    assert found["costs"].tobytes() == ranks[2][0][name]["costs"].tobytes()


def test_deterministic_and_what_one_process_refuses() -> None:
    from sdae.core.errors import InvalidParameterError
    from tests.train.processes.troubles import refused

    with pytest.raises(InvalidParameterError, match="which cuts minibatches into shares"):
        refused(batch_size=B, deterministic=True, engine="compiled")
    with pytest.raises(InvalidParameterError, match="must be none with deterministic"):
        refused(batch_size=B, deterministic=True, semi_supervised="vat")
