"""Compiled kernels of GPUs are kept on the disk, and damaged ones are compiled again."""

from pathlib import Path

import pytest

from sdae.train.engines.cuda_binaries import Binaries, usual_folder
from sdae.train.kernels.cuda.plans import Chip, autoencoder_program

PROGRAM = autoencoder_program(Chip((9, 0), 4, 100_000), 6, 5, 0, 0, 0)
OTHER = autoencoder_program(Chip((9, 0), 4, 100_000), 6, 5, 1, 0, 0)


class Compiler:
    """Counts how often it is called."""

    def __init__(self, binary: bytes = b"a binary") -> None:
        self.n_calls = 0
        self._binary = binary

    def __call__(self) -> bytes:
        self.n_calls += 1
        return self._binary


def test_a_program_is_compiled_once(tmp_path: Path) -> None:
    compiler = Compiler()
    assert not Binaries("sm_90", tmp_path).has(PROGRAM)
    for _ in range(2):  # the second one as in another process
        assert Binaries("sm_90", tmp_path).get(PROGRAM, compiler) == b"a binary"
    assert compiler.n_calls == 1
    assert Binaries("sm_90", tmp_path).has(PROGRAM)
    assert not Binaries("sm_90", tmp_path).has(OTHER)
    assert not Binaries("sm_80", tmp_path).has(PROGRAM)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_binary_is_compiled_again(tmp_path: Path, damage: bytes | None) -> None:
    compiler = Compiler()
    binaries = Binaries("sm_90", tmp_path)
    binaries.get(PROGRAM, compiler)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?" if damage is None else damage)
    assert not binaries.has(PROGRAM)
    assert binaries.get(PROGRAM, compiler) == b"a binary"
    assert compiler.n_calls == 2
    assert path.read_bytes() == content


def test_an_empty_binary_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="returned an empty binary for sm_90"):
        Binaries("sm_90", tmp_path).get(PROGRAM, Compiler(b""))
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_it_is_compiled_each_time(tmp_path: Path) -> None:
    compiler = Compiler()
    for folder in (None, tmp_path / "file" / "folder"):
        (tmp_path / "file").write_bytes(b"")
        binaries = Binaries("sm_90", folder)
        assert binaries.get(PROGRAM, compiler) == b"a binary"
        assert not binaries.has(PROGRAM)
    assert compiler.n_calls == 2


def test_the_folder_is_where_numbas_kernels_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert usual_folder() == tmp_path / "cubins"
