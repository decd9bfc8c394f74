"""Settings that cannot be used: exit code 2, what is wrong and what would be right."""

from pathlib import Path

import pytest

from sdae.app.runs.estimate import Estimate
from tests.app.cli.commands import invoke, refused
from tests.app.cli.samples import SMALL, contents


def train(flowers: Path, *options: str | Path) -> str:
    """Train on the flowers in a way that must be refused; return the message."""
    out = flowers.parent / "deep/run"
    command = ("train", flowers, "--target", "species", "--out", out, *SMALL)
    return refused(flowers.parent, *command, *options)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("pretraining.epoch=5", "[pretraining] has no parameter 'epoch'. Did you mean 'epochs'?"),
        ("model.activatoin=relu", "[model] has no parameter 'activatoin'. Did you mean 'activat"),
        ("data.scael=none", "[data] has no parameter 'scael'. Did you mean 'scale'?"),
        ("finetunning.epochs=5", "A recipe has no 'finetunning'. Did you mean finetuning?"),
        ("momentum=1", "'momentum'. Did you mean pretraining.momentum or finetuning.momentum?"),
        ("pretraining.epochs=-1", "must be an integer ≥ 0; one value, or a list with one per la"),
        ("pretraining.epochs=1.5", "epochs parameter of [pretraining] must be an integer"),
        ("finetuning.dropout=1.5", "must be a number in [0, 0.99]. Got 1.5 instead."),
        ("model.hidden_layer_sizes=[]", "hidden_layer_sizes parameter of [model] must be"),
        ("model.corruption=mask:0.1", "corruption parameter of [model]"),
        ("data.scale=big", "must be one of 'auto', 'none', 'minmax', 'standard'. Got 'big'"),
        ("seed=-1", "The seed parameter of the recipe must be an integer in [0, 2**64)."),
        ("model=3", "[model] must be a table. Got 3 instead."),
    ],
)
def test_a_bad_setting_is_told_with_its_key(setting: str, words: str, flowers: Path) -> None:
    out = flowers.parent / "run"
    message = refused(flowers.parent, "train", "--recipe", "table", "--out", out, "--set", setting)
    assert message.startswith("Recipe table:\n")
    assert words in message


@pytest.mark.parametrize("setting", ["epochs", "=5", "pretraining.epochs=", "", " = "])
def test_a_setting_that_is_no_pair(setting: str, flowers: Path) -> None:
    message = train(flowers, "--set", setting)
    assert message == (
        f"A setting must be KEY=VALUE, as in pretraining.epochs=5. Got {setting!r} instead."
    )


def test_all_bad_settings_are_told_at_once(flowers: Path) -> None:
    message = train(flowers, "--set=model.tide=1", "--set=data.test=2", "--set=finetuning.epoch=1")
    assert len(message.splitlines()) == 4
    assert "Did you mean 'tied'?" in message
    assert "Did you mean 'epochs'?" in message
    assert "test parameter of [data]" in message


def test_an_unknown_recipe(flowers: Path) -> None:
    message = train(flowers, "--recipe", "tutoral")
    assert message == (
        "Unknown recipe 'tutoral'. Did you mean 'tutorial'? The recipes are: arrays, default, "
        "ladder, table, tutorial. A file of your own must end in .toml."
    )


def test_a_recipe_file_that_is_missing_or_no_recipe(flowers: Path) -> None:
    path = flowers.parent / "mine.toml"
    assert train(flowers, "--recipe", path) == f"Cannot read {path}: {path} does not exist."
    path.write_text("seed = = 1")
    assert train(flowers, "--recipe", path).startswith(f"Recipe {path} is not valid TOML: ")
    path.write_bytes(b"\xff\xfe")
    message = train(flowers, "--recipe", path)
    assert message == f"{path} is not UTF-8 text. Save the recipe as UTF-8."
    path.write_text("[pretraining]\nepoch = 1\n")
    assert "Did you mean 'epochs'?" in train(flowers, "--recipe", path)


def test_values_per_layer_that_do_not_fit_the_layers(flowers: Path) -> None:
    for key in ("pretraining.epochs=[1,2,3]", "model.corruption=[0.1,0.2,0.3]"):
        assert "2 layers" in train(flowers, "--set", key)


def test_a_network_too_large_for_memory(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("sdae.app.cli.commands.train.build_stack", exhausted)
    message = train(flowers)
    assert message == "not enough memory. Use fewer rows, or a smaller network."


def test_an_unknown_device(flowers: Path) -> None:
    message = train(flowers, "--device", "gpu")
    assert message == (
        "The device parameter of training must be one of 'auto', 'cpu', 'cuda', 'mps'. "
        "Got 'gpu' instead."
    )


def test_a_device_this_machine_lacks(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    for device in ("cuda", "mps"):
        message = train(flowers, "--device", device)
        assert message == (
            f"The device parameter of training must be a device of this machine: 'cpu'. Got "
            f"{device!r} instead."
        )


@pytest.mark.parametrize("stage", ["pretraining", "finetuning"])
def test_a_diverging_learning_rate(stage: str, flowers: Path) -> None:
    options = (f"--set={stage}.learning_rate=1e35", f"--set={stage}.optimizer=sgd")
    message = train(flowers, *options, "--set=model.activation=relu")
    what = {"pretraining": "The cost", "finetuning": "A parameter"}[stage]
    assert message.startswith(f"{what} is not finite ({stage}, ")
    assert "learning rate 1e+35" in message
    assert message.endswith("Lower the learning rate, or scale the data.")


@pytest.mark.parametrize("share", ["1", "-0.1", "nan"])
def test_a_share_of_rows_that_is_none(share: str, flowers: Path) -> None:
    message = train(flowers, f"--validation={share}")
    assert "The validation parameter of [data] must be a number in [0, 0.9]." in message


def test_shares_that_leave_nothing_to_train_on(flowers: Path) -> None:
    message = train(flowers, "--validation=0.6", "--test=0.5")
    assert "The test part already takes a share of 0.5." in message


@pytest.mark.parametrize(
    "options", [("--seed", "-1"), ("--threads", "0"), ("--seed", "x"), ("--threads",)]
)
def test_an_option_of_the_wrong_kind_is_told_with_its_name(
    options: tuple[str, ...], flowers: Path
) -> None:
    before = contents(flowers.parent)
    result = invoke("train", flowers, "--out", flowers.parent / "run", *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr
    assert "Traceback" not in result.stderr
    assert contents(flowers.parent) == before


def test_a_run_below_a_file_or_in_a_read_only_place(flowers: Path) -> None:
    for place in (flowers, flowers / "deep", Path("/proc")):
        message = refused(
            flowers.parent, "train", flowers, "--target=species", "--out", place / "run", *SMALL
        )
        assert message.startswith(f"Cannot write {place / 'run'}: ")


def test_a_name_too_long_for_the_system(flowers: Path) -> None:
    out = flowers.parent / ("x" * 300)
    message = refused(flowers.parent, "train", flowers, "--target=species", "--out", out, *SMALL)
    assert message == f"Cannot write {out}: File name too long."


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("finetuning.batch_size=64", "finetuning.drop_last=true"), "batch_size parameter of fine"),
        (("pretraining.batch_size=64", "pretraining.drop_last=true"), "batch_size parameter of pr"),
        (("finetuning.engine=fused", "finetuning.batch_size=2"), "engine parameter of finetune"),
        (("pretraining.engine=fused", "pretraining.batch_size=2"), "engine parameter of pretrain"),
        (("finetuning.engine=closed_form", "finetuning.momentum=0.9"), "engine parameter of fine"),
        (("pretraining.learning_rate=[0.1,0.1,0.1]",), "one for each of the 2 layers"),
        (("model.activation=tanh", 'model.decoder=["linear","sigmoid"]'), "codes of layer 0 go"),
    ],
)
def test_what_would_stop_a_later_stage_is_refused_before_any_training(
    settings: tuple[str, ...], words: str, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: object) -> None:
        raise AssertionError("a layer was trained")

    monkeypatch.setattr("sdae.app.cli.commands.train.estimate", lambda *_: Estimate(1, 1, 1))
    monkeypatch.setattr("sdae.train.pretraining.train_layer", trained)
    assert words in train(flowers, *(f"--set={setting}" for setting in settings))


def test_a_training_that_would_diverge_again_is_not_to_be_resumed(
    flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.app.cli.commands.train.estimate", lambda *_: Estimate(1, 1, 1))
    out = flowers.parent / "run"
    options = ("--set=model.activation=relu", "--set=finetuning.learning_rate=1e30")
    command = ("train", flowers, "--target=species", "--out", out, *SMALL)
    result = invoke(*command, "--checkpoint-every=1epoch", *options)
    assert result.exit_code == 2
    assert "is not finite (finetuning, epoch 1" in result.stderr
    assert "sdae resume" not in result.stderr
    assert (out / "checkpoints").is_dir()
