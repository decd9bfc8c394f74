"""TensorBoard and MLflow hold what the history holds; without them nothing is lost."""

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import StackedDenoisingAutoencoder, pretrain
from sdae.app.runs.run_folder import RunFolder
from sdae.app.tracking import MlflowTracker, TensorboardTracker, Tracking
from sdae.core.errors import FileAccessError, InvalidParameterError
from sdae.train.history import EpochRecord, History
from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.pictures import no_pictures_drawn, pictures_drawn
from tests.app.cli.samples import SMALL, write_flowers
from tests.app.tracking.events import events_in, scalars_in, values_in

# MLflow calls it, and Python 3.14 warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:codecs.open:DeprecationWarning")

X = np.random.default_rng(0).random((40, 6), dtype=np.float32)


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    """Draw no pictures but where they are tracked."""
    with no_pictures_drawn():
        yield


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of MLflow in files, and MLflow without its talk to the world."""
    folder = tmp_path / "store"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", folder.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return folder


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A table of 90 flowers."""
    return write_flowers(tmp_path / "flowers.csv")


def mlflow_runs(experiment: str) -> list[Any]:
    """Return the runs of an experiment, the oldest first."""
    from mlflow import MlflowClient

    client = MlflowClient()
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(reversed(client.search_runs([found.experiment_id])))


def expected(records: list[EpochRecord] | tuple[EpochRecord, ...]) -> dict[str, list[Any]]:
    """Return the values of records by the names that trackers have for them."""
    values: dict[str, list[Any]] = {}
    names = ("cost", "validation_error", "test_error", "learning_rate", "samples_per_second")
    for record in records:
        part = record.stage if record.layer is None else f"pretraining/layer_{record.layer}"
        for name in names:
            if getattr(record, name) is not None:
                values.setdefault(f"{part}/{name}", []).append(
                    (record.epoch, pytest.approx(getattr(record, name), rel=1e-6))
                )
    return values


def train(callbacks: list[Any], epochs: int = 2) -> History:
    stack = StackedDenoisingAutoencoder(6, (5, 4))
    return pretrain(stack, X, epochs=epochs, callbacks=callbacks)


def test_tensorboard_holds_the_history_of_a_call(tmp_path: Path) -> None:
    with Tracking([TensorboardTracker(tmp_path / "a/b")]) as tracking:
        history = train([tracking])
    assert scalars_in(tmp_path / "a/b") == expected(history.records)


def test_trainings_within_one_second_lose_no_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboardX.proto.event_pb2 import SessionLog

    monkeypatch.setattr("tensorboardX.event_file_writer.time.time", lambda: 1_700_000_000.0)
    one, other = (TensorboardTracker(tmp_path) for _ in range(2))
    one.scalars({"a": 1.0}, 1)
    other.scalars({"a": 2.0}, 1)
    one.scalars({"a": 3.0}, 2)
    for tracker in (one, other):
        tracker.close(finished=True)
    later = TensorboardTracker(tmp_path)  # as of a run that goes on at once
    later.scalars({"b": 4.0}, 1)
    later.close(finished=True)
    assert sorted(scalars_in(tmp_path)["a"]) == [(1, 1.0), (1, 2.0), (2, 3.0)]
    assert scalars_in(tmp_path)["b"] == [(1, 4.0)]
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 3
    # TensorBoard reads files by their names, and forgets at a start what came before it.
    starts = [event for event in events_in(paths[-1]) if event.HasField("session_log")]
    assert [event.session_log.status for event in starts] == [SessionLog.START]
    assert any(event.summary.value for event in events_in(paths[-1]) if event.step == 1)
    assert [value.tag for event in events_in(paths[-1]) for value in event.summary.value] == ["b"]


def test_mlflow_keeps_trainings_of_one_moment_apart(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    trackers = [MlflowTracker("trials", "same") for _ in range(2)]
    for number, tracker in enumerate(trackers):
        tracker.scalars({"a": float(number)}, 1)
        tracker.close(finished=True)
    assert sorted(run.data.metrics["a"] for run in mlflow_runs("trials")) == [0.0, 1.0]
    assert store.is_dir()


def test_mlflow_holds_the_history_of_a_call(store: Path) -> None:
    from mlflow import MlflowClient

    with Tracking([MlflowTracker("trials", "first")], {"seed": "0"}) as tracking:
        history = train([tracking])
    (run,) = mlflow_runs("trials")
    assert (run.info.run_name, run.info.status) == ("first", "FINISHED")
    assert run.data.params == {"seed": "0"}
    for name, wanted in expected(history.records).items():
        kept = MlflowClient().get_metric_history(run.info.run_id, name)
        assert [(metric.step, metric.value) for metric in kept] == wanted
    assert store.is_dir()


def test_a_training_that_fails_is_not_called_finished(store: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        Tracking([MlflowTracker("trials", "first")]) as tracking,
    ):
        train([tracking, interrupt])
    (run,) = mlflow_runs("trials")
    assert run.info.status == "KILLED"
    assert store.is_dir()


class Failing:
    """A tracker whose server is gone."""

    name = "The server"

    def __init__(self, method: str) -> None:
        self._method = method
        self.told: list[str] = []

    def settings(self, values: Mapping[str, str]) -> None:  # noqa: ARG002
        self._do("settings")

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:  # noqa: ARG002
        self._do("scalars")

    def picture(self, name: str, path: Path) -> None:  # noqa: ARG002
        self._do("picture")

    def close(self, *, finished: bool) -> None:  # noqa: ARG002
        self._do("close")

    def _do(self, method: str) -> None:
        self.told.append(method)
        if method == self._method:
            raise ConnectionError("gone.\nAnd more.")


@pytest.mark.parametrize("method", ["settings", "scalars", "picture", "close"])
def test_a_tracker_that_fails_costs_a_warning_and_no_training(
    method: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    failing, whole = Failing(method), Failing("")
    caplog.set_level(logging.WARNING, "sdae")
    with Tracking([failing, whole], {"seed": "0"}) as tracking:
        assert len(train([tracking], epochs=1).records) == 2
        tracking.pictures(tmp_path)
    assert whole.told == ["settings", "scalars", "scalars", "picture", "close"]
    assert failing.told == whole.told[: whole.told.index(method) + 1]
    warnings = [r.getMessage() for r in caplog.records if "server" in r.getMessage()]
    assert warnings == ["The server failed and no longer tracks this training: gone."]


def test_a_run_is_tracked_with_settings_and_pictures(
    flowers: Path, tmp_path: Path, store: Path
) -> None:
    run = tmp_path / "run"
    trackers = ("--tensorboard", tmp_path / "board", "--mlflow", "trials")
    with pictures_drawn():
        done("train", flowers, "--target", "species", "--out", run, *SMALL, *trackers)
    records = RunFolder(run).records()
    assert scalars_in(tmp_path / "board/run") == expected(records)
    pictures = sorted((run / "plots").glob("*.png"))
    shown = {tag: value.image for tag, _, value in values_in(tmp_path / "board/run")}
    for path in pictures:
        assert shown[f"pictures/{path.stem}"].encoded_image_string == path.read_bytes()
        assert shown[f"pictures/{path.stem}"].width > 100
    (tracked,) = mlflow_runs("trials")
    assert tracked.data.params["data.target"] == "species"
    assert tracked.data.params["pretraining.corruption"] == "None"
    assert tracked.data.metrics["finetuning/cost"] == records[-1].cost
    kept = sorted(store.glob("*/*/artifacts/pictures/*"))
    assert [path.read_bytes() for path in kept] == [path.read_bytes() for path in pictures]
    assert [path.name for path in pictures] == ["curves.png", "reconstructions.png"]


def test_a_ladder_is_tracked_by_its_stage(flowers: Path, tmp_path: Path) -> None:
    options = ("--recipe=ladder", "--set=ladder.n_updates=30", "--tensorboard", tmp_path / "board")
    done("train", flowers, "--target", "species", "--out", tmp_path / "run", *options)
    records = RunFolder(tmp_path / "run").records()
    found = scalars_in(tmp_path / "board/run")
    assert found == expected(records)
    assert {name.split("/")[0] for name in found} == {"ladder"}


def test_a_resumed_run_is_tracked_from_its_first_epoch(
    flowers: Path, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, board = tmp_path / "run", tmp_path / "board"
    trackers = ("--tensorboard", board, "--mlflow", "trials")
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_pretrained", _no_room)
        options = ("--checkpoint-every=1epoch", *SMALL, *trackers)
        result = invoke("train", flowers, "--target=species", "--out", run, *options)
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    for path in (board / "run").iterdir():
        path.unlink()  # TensorBoard does not show what a new file takes back
    done("resume", run, *trackers)
    assert scalars_in(board / "run") == expected(RunFolder(run).records())
    assert [tracked.info.status for tracked in mlflow_runs("trials")] == ["KILLED", "FINISHED"]
    assert store.is_dir()


def _no_room(*_: object) -> None:
    raise FileAccessError("Cannot write: No space left on device.")


def test_fine_tuning_a_run_is_tracked(flowers: Path, tmp_path: Path) -> None:
    run, board = tmp_path / "run", tmp_path / "board"
    done("train", flowers, "--target", "species", "--out", run, *SMALL)
    n_before = len(RunFolder(run).records())
    done("finetune", run, flowers, "--tensorboard", board)
    assert scalars_in(board / "run") == expected(RunFolder(run).records()[n_before:])


@pytest.mark.parametrize(
    ("option", "module", "extra"),
    [("--tensorboard", "tensorboardX", "tensorboard"), ("--mlflow", "mlflow", "mlflow")],
)
def test_a_missing_extra_is_named_before_anything_begins(
    option: str,
    module: str,
    extra: str,
    flowers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    run = tmp_path / "run"
    message = refused(tmp_path, "train", flowers, "--out", run, option, tmp_path / "there")
    assert message.endswith(f'pip install "sdae[{extra}]"')
    assert not run.exists()


def test_a_tracker_that_cannot_begin_is_an_error_and_leaves_no_run(
    flowers: Path, tmp_path: Path, store: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    options = ("--target", "species", "--out", tmp_path / "run", *SMALL)
    message = refused(tmp_path, "train", flowers, *options, "--tensorboard", blocked / "board")
    assert message.startswith(f"Cannot write {blocked}/board/run: ")
    assert not (tmp_path / "run").exists()
    store.write_bytes(b"")
    message = refused(tmp_path, "train", flowers, *options, "--mlflow", "trials")
    assert message.startswith(f"MLflow cannot start a run of experiment trials in file://{store}")
    assert not (tmp_path / "run").exists()


def test_stores_that_the_client_reaches_are_named(
    flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = pytest.importorskip("mlflow.environment_variables")
    if not hasattr(variables, "MLFLOW_ALLOW_FILE_STORE"):
        pytest.skip("older clients need no leave for a folder")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    options = ("--target", "species", "--out", tmp_path / "run", *SMALL, "--mlflow", "trials")
    result = invoke("train", flowers, *options)
    assert result.exit_code == 2
    assert "MLFLOW_ALLOW_FILE_STORE=true" in result.stderr
    assert result.stderr.endswith("Install it with: pip install mlflow\n")
    assert not (tmp_path / "run").exists()


def test_a_folder_of_tensorboard_has_a_name(flowers: Path, tmp_path: Path) -> None:
    message = refused(tmp_path, "train", flowers, "--out", tmp_path / "run", "--tensorboard", "")
    assert message == "--tensorboard must name a folder. Got an empty text instead."


def test_an_experiment_has_a_name(store: Path) -> None:
    with pytest.raises(InvalidParameterError, match="must have a name"):
        MlflowTracker(" ", "run")
    assert not store.exists()


def test_hyperparameters_of_tensorboard_are_the_recipe(flowers: Path, tmp_path: Path) -> None:
    board = tmp_path / "board"
    options = ("--target=species", "--out", tmp_path / "run", *SMALL, "--tensorboard", board)
    done("train", flowers, *options)
    packed = [value.metadata.plugin_data for _, _, value in values_in(board / "run")]
    told = b"".join(data.content for data in packed if data.plugin_name == "hparams")
    assert str(flowers).encode() in told
    assert b"pretraining.epochs" in told
