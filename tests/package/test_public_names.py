"""What ``import sdae`` offers, and what it leaves alone."""

import subprocess
import sys

import sdae


def test_the_public_names_are_these() -> None:
    assert sorted(sdae.__all__) == [
        "Checkpoint",
        "DenoisingAutoencoder",
        "LadderClassifier",
        "LadderNetwork",
        "LadderRegressor",
        "SDAEClassifier",
        "SDAEImputer",
        "SDAEOutlierDetector",
        "SDAERegressor",
        "SDAETransformer",
        "StackedDenoisingAutoencoder",
        "corruption",
        "data",
        "finetune",
        "load",
        "pretrain",
        "train_ladder",
    ]
    assert set(sdae.__all__) <= set(dir(sdae))
    assert all(hasattr(sdae, name) for name in sdae.__all__)


def test_the_version_is_the_one_installed() -> None:
    from importlib.metadata import version

    assert version("sdae") == sdae.__version__


def test_importing_sdae_imports_no_extra_and_no_command_line() -> None:
    heavy = ("sklearn", "scipy", "pandas", "pyarrow", "matplotlib", "typer", "rich")
    code = f"import sys, sdae; print([m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.strip() == "[]"


def test_importing_sdae_handles_no_signal_and_waits_for_no_torch() -> None:
    code = (
        "import signal, sys; before = [signal.getsignal(n) for n in (2, 15)]; import sdae;"
        "print('torch' in sys.modules, before == [signal.getsignal(n) for n in (2, 15)]);"
        "print(sdae.pretrain.__module__, 'torch' in sys.modules, sdae.training.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout == "False True\nsdae.train.pretraining True sdae.training\n"


def test_a_name_that_it_does_not_have_is_no_attribute() -> None:
    assert not hasattr(sdae, "SDAEClasifier")


def test_modules_with_public_names_come_along() -> None:
    code = (
        "import sdae; print(sdae.errors.DataError.__name__, sdae.training.callbacks.__name__,"
        "sdae.model_file.Model.__name__, sdae.preprocessing.Scaling.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout == "DataError sdae.training.callbacks Model Scaling\n"
