"""Pickles that are up to something else: refused, nothing run, little memory taken."""

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from sdae.core.errors import FileFormatError
from sdae.data import Dataset, load_dataset
from tests.data.memory import memory_below
from tests.data.pickle_samples import PARTS, PROTOCOL_2, Call, X, Y, array_by_protocol_0


def load(tmp_path: Path, content: bytes) -> Dataset:
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(content)
    return load_dataset(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_function_is_called(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    calls = (
        (Call(os.system, f"touch {trace}"), r"posix\.system|nt\.system"),
        (Call(eval, f"open({str(trace)!r}, 'w')"), r"(builtins|__builtin__)\.eval"),
        (Call(os.mkdir, str(trace)), r"posix\.mkdir|nt\.mkdir"),
    )
    for call, name in calls:
        for content in (call, (call, call, call), ((X, call), *PARTS[1:])):
            with pytest.raises(
                FileFormatError, match=f"other than arrays \\(({name})\\) .*refused"
            ):
                load(tmp_path, pickle.dumps(content, protocol))
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    [
        "os\nsystem",
        "numpy\nload",
        "numpy\nfromfile",
        "numpy.core.multiarray\nscalar",
        "numpy._core.multiarray\nempty",
        "sdae.data.array_pickle\n_reconstruct",
        "numpy\ndtype.__init__",
        "copyreg\n_reconstructor",
        "_codecs\nlookup",
    ],
)
def test_names_that_arrays_do_not_need_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFormatError, match=name.replace("\n", ".")):
        load(tmp_path, f"c{name}\n.".encode())


def test_a_nested_call_is_refused(tmp_path: Path) -> None:
    content = b"cnumpy.core.multiarray\n_reconstruct\n(cos\nsystem\n(S'true'\ntRtR."
    with pytest.raises(FileFormatError, match=r"os\.system"):
        load(tmp_path, content)


def test_a_reference_outside_the_file_is_refused(tmp_path: Path) -> None:
    for content in (b"Psecret\n.", b"\x80\x02U\x06secretQ."):
        with pytest.raises(FileFormatError, match="a reference of type str outside the file"):
            load(tmp_path, content)


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    for array in (np.array([[{}]], object), np.array([["a"]]), np.array([(1, 2)], "i4,i4")):
        with pytest.raises(FileFormatError, match=r"refused|not numbers"):
            load(tmp_path, pickle.dumps(((array, Y),) * 3))


@pytest.mark.parametrize(
    "content",
    [
        # ndarray((10**9, 10**9)), dtype("V999999999"), and an array that claims more than it has
        b"cnumpy\nndarray\n((I1000000000\nI1000000000\nttR.",
        b"cnumpy\ndtype\n(S'V999999999'\ntR.",
        PROTOCOL_2.replace(b"K\x03K\x02", b"J\xff\xff\xff\x7fK\x02"),
        array_by_protocol_0(X).replace(b"I3\nI2\n", b"I-3\nI-2\n") + b".",
        # a string that claims 2 GiB
        b"\x80\x02T\xff\xff\xff\x7f.",
    ],
)
def test_claims_larger_than_the_file_allocate_nothing(tmp_path: Path, content: bytes) -> None:
    with (
        memory_below(1e6),
        pytest.raises(FileFormatError, match=r"(damaged|truncated), or not a pickle of"),
    ):
        load(tmp_path, content)


def test_an_empty_array_of_any_size_stays_empty(tmp_path: Path) -> None:
    content = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I99999999999\ntS'd'\ntR."
    with memory_below(1e6), pytest.raises(FileFormatError, match="must hold three pairs"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Nr\xff\xff\xff\xff.", "the memory slot 4294967295"),
        (b"Np999999999\n.", "the memory slot 999999999"),
        (b"}.", "the operation 0x7d at byte 0"),
        (b"Np-1\n.", "a memory slot that is not a number"),
        (b"G" + bytes(8) + b".", "the operation 0x47 at byte 0"),
        (b"N" * 20_000 + b".", "more than 10,000 operations"),
    ],
)
def test_operations_that_arrays_do_not_need_are_refused_before_any_is_run(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(FileFormatError, match=f"{reason}.* was refused.*savez"):
        load(tmp_path, content)


def test_a_stand_in_cannot_be_altered(tmp_path: Path) -> None:
    content = b"c_codecs\nencode\n(N(S'x'\nttb."
    with pytest.raises(FileFormatError, match="a change to a function"):
        load(tmp_path, content)


def test_one_text_asked_for_as_bytes_again_and_again_allocates_no_more(tmp_path: Path) -> None:
    text = b"X" + struct.pack("<I", 100_000) + b"a" * 100_000 + b"q\x00"
    encode = b"c_codecs\nencode\nq\x01X\x06\x00\x00\x00latin1q\x02"
    many = b"\x80\x02(" + text + encode + b"h\x01h\x00h\x02\x86R" * 1000 + b"t."
    with memory_below(2e6), pytest.raises(FileFormatError, match="same bytes too many times"):
        load(tmp_path, gzip.compress(many))


def test_one_text_shared_by_many_arrays_allocates_no_more(tmp_path: Path) -> None:
    text = b"T" + struct.pack("<I", 100_000) + b"a" * 100_000 + b"q\x00"
    begin = b"cnumpy.core.multiarray\n_reconstruct\n)R"
    state = b"(K\x01J\xa0\x86\x01\x00\x85cnumpy\ndtype\nU\x02u1\x85R\x89h\x00tb"
    many = b"\x80\x02(" + text + (begin + state) * 400 + b"t."
    with memory_below(2e6), pytest.raises(FileFormatError, match="same bytes too many times"):
        load(tmp_path, gzip.compress(many))


def test_a_structure_that_doubles_with_every_operation_is_never_walked(tmp_path: Path) -> None:
    doubled = b"N" + b"q\x00h\x00\x86" * 200 + b"q\x00"
    for content in (doubled + b".", doubled + b"h\x00h\x00\x87.", b"(" + doubled * 3 + b"t."):
        with memory_below(2e6), pytest.raises(FileFormatError, match="must hold three pairs"):
            load(tmp_path, content)


@pytest.mark.parametrize("nest", [b"\x85", b"q\x00h\x00\x86"])
def test_deep_nesting_is_survived(tmp_path: Path, nest: bytes) -> None:
    with pytest.raises(FileFormatError, match="must hold three pairs"):
        load(tmp_path, b"N" + nest * 3000 + b".")


@pytest.mark.parametrize(
    "content",
    [
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"cos\nsystem\n(S'true'\nt\x81.",  # NEWOBJ
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n(cos\nsystem\nS'a'\ntR.",
    ],
)
def test_every_way_to_name_or_call_a_function_is_closed(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def called(_: str) -> None:
        raise AssertionError("a function was called")

    monkeypatch.setattr(os, "system", called)
    with pytest.raises(FileFormatError, match=r"other than arrays \(.*\) and was refused"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        b"R.",
        b"(.",
        b"h\x07.",
        b"K\x01K\x02R.",
        b"I" + b"9" * 9000 + b"\n.",
        b"S'\\x'\n.",
        b"(la.",
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01ta.",
        b"cnumpy.core.multiarray\n_reconstruct\n)RNb.",
        b"cnumpy\ndtype\nU\x02f4\x85RNb.",
        b"c_codecs\nencode\n)R.",
    ],
)
def test_a_program_gone_wrong_is_told_as_damage(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileFormatError, match=r"damaged|truncated, or not a pickle of arrays"):
        load(tmp_path, content)
