"""Nowhere does the package unpickle, evaluate, or import what a file names: read off its source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sdae

ROOT = Path(sdae.__file__).parent
# Modules that exist to make objects or to run code out of data.
_MODULES = (
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "code",
    "codeop", "runpy", "imp", "jsonpickle", "pandas",
)  # fmt: skip
_CALLS = (
    "eval", "exec", "compile", "__import__", "execfile",
    "torch.load", "torch.jit.load", "torch.hub.load", "torch.package.PackageImporter",
    "joblib.load", "numpy.fromregex", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "os.system", "os.popen", "os.execv", "os.fork", "os.posix_spawn", "builtins.eval",
    "builtins.exec", "importlib.util.spec_from_file_location",
    "importlib.machinery.SourceFileLoader",
)  # fmt: skip
_ALLOWED = {
    ("data/array_pickle.py", "import pickle"): (
        "the one reader of pickles: every name in one is answered by a stand-in of ours"
    ),
    (
        "data/array_pickle.py",
        "pickle.Unpickler",
    ): "the base of that reader, whose find_class is ours",
}
"""What is allowed, by module and finding, each for a reason."""


def findings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of whatever is not safe to load with."""
    tree = ast.parse(source)
    names = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in _MODULES:
                    yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.split(".")[0] in _MODULES:
                yield node.lineno, f"import {node.module}"
        elif isinstance(node, ast.Attribute | ast.Name):
            called = _dotted(node, names)
            if called in _CALLS or called.rpartition(".")[2] in ("Unpickler", "find_class"):
                yield node.lineno, called
        elif isinstance(node, ast.Call):
            yield from _of_call(node, _dotted(node.func, names))


def _of_call(node: ast.Call, called: str) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the arguments of a call that may be right."""
    literal = bool(node.args) and isinstance(node.args[0], ast.Constant)
    if called.rpartition(".")[2] == "import_module" and not literal:
        yield node.lineno, "import_module of what is no literal"
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    if None in keywords and called.startswith("numpy.") and called.endswith("load"):
        yield node.lineno, f"{called} with unknown arguments"
    pickled = keywords.get("allow_pickle", ast.Constant(False))
    if called == "numpy.load" and len(node.args) > 2:
        pickled = node.args[2]
    if not isinstance(pickled, ast.Constant) or pickled.value is not False:
        yield node.lineno, f"{called} with allow_pickle"


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return what each name that is imported stands for."""
    names = {"np": "numpy"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Return the name a node stands for, with the modules it comes from; nothing for others."""
    if isinstance(node, ast.Attribute):
        start = _dotted(node.value, names)
        return f"{start}.{node.attr}" if start else node.attr
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def test_no_module_loads_unsafely() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), what)
        for path in ROOT.rglob("*.py")
        for _, what in findings(path.read_text(encoding="utf-8"))
    }
    assert found - _ALLOWED.keys() == set()
    assert _ALLOWED.keys() - found == set()  # what is not needed any more is not allowed


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "import pickle"),
        ("import pickle as p\np.loads(x)", "import pickle"),
        ("from pickle import loads", "import pickle"),
        ("def f():\n    import _pickle", "import _pickle"),
        ("from joblib import load", "import joblib"),
        ("import marshal", "import marshal"),
        ("import shelve", "import shelve"),
        ("import pandas", "import pandas"),
        ("import torch\ntorch.load(path, weights_only=True)", "torch.load"),
        ("from torch import load as read\nread(path)", "torch.load"),
        ("import torch as t\nt.hub.load(x)", "torch.hub.load"),
        ("read = torch.load", "torch.load"),
        ("import yaml\nyaml.load(text)", "yaml.load"),
        ("eval(text)", "eval"),
        ("run = exec", "exec"),
        ("compile(text, 'x', 'exec')", "compile"),
        ("__import__(name)", "__import__"),
        ("import os\nos.system(text)", "os.system"),
        ("from importlib import import_module\nimport_module(name)", "import_module of what is"),
        ("import importlib as i\ni.import_module(f'a.{b}')", "import_module of what is no"),
        ("import_module(name='x')", "import_module of what is no literal"),
        ("import numpy as np\nnp.load(x, allow_pickle=True)", "numpy.load with allow_pickle"),
        ("import numpy\nnumpy.load(x, None, True)", "numpy.load with allow_pickle"),
        ("from numpy import load\nload(x, allow_pickle=flag)", "numpy.load with allow_pickle"),
        ("np.lib.format.read_array(f, allow_pickle=1)", "read_array with allow_pickle"),
        ("np.load(x, **options)", "numpy.load with unknown arguments"),
        ("class Mine(p.Unpickler): pass", "p.Unpickler"),
    ],
)
def test_the_check_finds_what_is_planted(source: str, what: str) -> None:
    assert [name for _, name in findings(source) if what in name]


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.load(x)",
        "np.load(x, allow_pickle=False)",
        "from importlib import import_module\nimport_module('numba')",
        "import re\nre.compile('x')",
        "from sdae.estimators.saving import load\nload(path)",
        "import json\njson.loads(text)",
        "model.evaluate(x)",
    ],
)
def test_the_check_lets_pass_what_is_safe(source: str) -> None:
    assert list(findings(source)) == []
