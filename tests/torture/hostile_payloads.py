"""Pickles that would run something, and the files that could carry them.

Each payload leaves a mark, a file, if it is run.
"""

import gzip
import importlib
import io
import os
import pickle
import runpy
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from operator import methodcaller
from pathlib import Path

import joblib
import numpy as np
import torch

from tests.data.pickle_samples import Call, X, Y

Maker = Callable[[Path], bytes]


def traps_of(mark: Path) -> Path:
    """Return the folder of the files that mark when they are run or unpickled."""
    return mark.parent.with_name("traps")


def write_traps(mark: Path) -> None:
    """Write those files."""
    traps_of(mark).mkdir()
    (traps_of(mark) / "trap.py").write_text(_code(str(mark)))
    (traps_of(mark) / "trap.pkl").write_bytes(pickle.dumps(Call(os.system, f"touch {mark}")))


def _call(*make: Callable[[str], object], protocol: int = 4) -> Maker:
    """Return the pickle of a call: of a function, on arguments that are made of the mark's path."""

    def pickled(mark: Path) -> bytes:
        function, *arguments = (part(str(mark)) for part in make)
        return pickle.dumps(Call(function, *arguments), protocol)  # type: ignore[arg-type]

    return pickled


def _code(mark: str) -> str:
    return f"open({mark!r}, 'w').close()"


def _trap(suffix: str) -> Callable[[str], object]:
    return lambda mark: str(traps_of(Path(mark)) / f"trap.{suffix}")


def _is(value: object) -> Callable[[str], object]:
    return lambda _: value


def _source(text: str) -> Maker:
    """Return a pickle in text; ``MARK`` stands for a shell command or a statement that marks."""
    return lambda mark: text.replace("MARK", f"touch {mark}").encode("latin1")


def _short(mark: Path) -> bytes:
    command = f"touch {mark}".encode()
    return b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(command)]) + command + b"\x85R."


def _nested(mark: Path) -> bytes:
    inner = _call(_is(os.system), lambda m: f"touch {m}")(mark)
    return pickle.dumps(Call(pickle.loads, inner))


def _chain(mark: Path) -> bytes:
    """Return a pickle that finds a function by the attributes of others before it calls it."""
    found = Call(getattr, Call(importlib.import_module, "os"), "system")
    calling = Call(methodcaller, "__call__", f"touch {mark}")
    return pickle.dumps(Call(list, Call(map, calling, [found])))


def _beside_arrays(mark: Path) -> bytes:
    call = Call(os.system, f"touch {mark}")
    return pickle.dumps(((X, Y), (X, call), (X, Y)))


def _in_an_array(mark: Path) -> bytes:
    array = np.array([[Call(os.system, f"touch {mark}")]], object)
    return pickle.dumps(((array, Y),) * 3)


def _by_a_state(mark: Path) -> bytes:
    """Return a pickle that gives an object a function of its own for setting its state."""
    command = f"touch {mark}"
    setter = "(dS'__setstate__'\ncos\nsystem\nsb"
    return f"ctypes\nSimpleNamespace\n(tR{setter}S'{command}'\nb.".encode()


PAYLOADS: Mapping[str, Maker] = {
    "os.system": _call(_is(os.system), lambda m: f"touch {m}"),
    "os.system by protocol 0": _call(_is(os.system), lambda m: f"touch {m}", protocol=0),
    "os.system by protocol 2": _call(_is(os.system), lambda m: f"touch {m}", protocol=2),
    "os.system by a stack": _short,
    "posix.system": _source("cposix\nsystem\n(S'MARK'\ntR."),
    "subprocess.Popen": _call(_is(subprocess.Popen), lambda m: ["touch", m]),
    "subprocess.check_output": _call(_is(subprocess.check_output), lambda m: ["touch", m]),
    "os.posix_spawn": _call(
        _is(os.posix_spawn), _is("/usr/bin/touch"), lambda m: ["touch", m], _is({})
    ),
    "builtins.eval": _call(_is(eval), _code),
    "builtins.exec": _call(_is(exec), _code),
    "builtins.exec by Python 2": _source(
        "c__builtin__\nexec\n(S'import os; os.system(\"MARK\")'\ntR."
    ),
    "builtins.open": _call(_is(open), lambda m: m, _is("w")),
    "os.mkdir": _call(_is(os.mkdir), lambda m: m),
    "Path.touch": _call(_is(Path.touch), lambda m: Path(m)),
    "importlib": _call(_is(importlib.import_module), _is("this")),
    "runpy": _call(_is(runpy.run_path), _trap("py")),
    "numpy.load": _call(_is(np.load), _trap("pkl"), _is(None), _is(True)),
    "numpy.fromfile": _call(_is(np.fromfile), _is("/etc/passwd")),
    "numpy.save": _call(_is(np.save), lambda m: m, _is([1])),
    "torch.save": _call(_is(torch.save), _is([1]), lambda m: m),
    "joblib.load": _call(_is(joblib.load), _trap("pkl")),
    "a pickle in a pickle": _nested,
    "a chain of calls": _chain,
    "a partial": _source("cfunctools\npartial\n(cos\nsystem\nS'MARK'\ntR(tR."),
    "an old instance": _source("(S'MARK'\nios\nsystem\n."),
    "an old object": _source("(cos\nsystem\nS'MARK'\no."),
    "a new object": _source(
        "cbuiltins\ntuple\n(cbuiltins\nmap\n(cos\nsystem\n(S'MARK'\nlt\x81t\x81."
    ),
    "a state": _by_a_state,
    "a name with dots": _source("\x80\x04\x8c\x02os\x8c\x0epath.os.system\x93(S'MARK'\ntR."),
    "a name of our own": _source("csdae.estimators.files\nload\n(S'/etc/passwd'\ntR."),
    "beside arrays": _beside_arrays,
    "in an array": _in_an_array,
}


def object_array(pickled: bytes) -> bytes:
    """Return an NPY file of objects, which are a pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickled


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive, as NPZ files and PyTorch's are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member)
    return stream.getvalue()


def torch_zip(pickled: bytes) -> bytes:
    """Return what ``torch.save`` makes, with another pickle in it."""
    return zipped({"m/data.pkl": pickled, "m/byteorder": b"little", "m/version": b"3\n"})


def torch_legacy(pickled: bytes) -> bytes:
    """Return what ``torch.save`` once made: pickles in a row, the first a magic number."""
    start = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join(pickle.dumps(part, 2) for part in start) + pickled


def tarred(pickled: bytes) -> bytes:
    """Return a TAR archive whose members would lie elsewhere."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("../../escaped", "/tmp/escaped", "pickle"):
            member = tarfile.TarInfo(name)
            member.size = len(pickled)
            archive.addfile(member, io.BytesIO(pickled))
    return stream.getvalue()


CONTAINERS: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": lambda pickled: pickled,
    "gzip": lambda pickled: gzip.compress(pickled, mtime=0),
    "NPY": object_array,
    "NPZ": lambda pickled: zipped({"x.npy": object_array(pickled), "y.npy": object_array(pickled)}),
    "PyTorch's zip": torch_zip,
    "PyTorch's old file": torch_legacy,
    "behind a length": lambda pickled: len(pickled).to_bytes(8, "little") + pickled,
    "TAR": tarred,
}
