"""The Python of the README, of the guide and of the docstrings runs and does what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import sdae
from tests.docs.examples import PAGES, blocks

pytestmark = pytest.mark.untraced

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(sdae.__path__, "sdae.")
    if not name.endswith("__main__")
]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_the_blocks_of_a_page_run_one_after_another(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if "import onnxruntime" in page.read_text():
        pytest.importorskip("onnxruntime")  # not every Python has one
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "example"}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), namespace)
    assert capsys.readouterr().out


def test_the_readme_has_python_and_shell() -> None:
    assert blocks(PAGES[0], "python")
    assert blocks(PAGES[0], "bash")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("name", [n for n in sdae.__all__ if n[0].isupper() or callable(n)])
def test_every_public_class_has_an_example(name: str) -> None:
    assert ">>> " in (getattr(sdae, name).__doc__ or "")


@pytest.mark.parametrize("function", [sdae.pretrain, sdae.finetune, sdae.data.load_mnist])
def test_every_public_function_has_an_example(function: object) -> None:
    assert ">>> " in (function.__doc__ or "")
