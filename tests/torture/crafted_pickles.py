"""Pickles that are programs gone wrong, on purpose or not."""

import math
import pickle
import random
import struct
from collections.abc import Callable, Sequence

import numpy as np

from tests.data.pickle_samples import PARTS, PROTOCOL_2, old
from tests.torture.sample_files import Sample, pack

# Operations with arguments that are complete, so that a random program runs far.
_OPERATIONS: Sequence[bytes] = (
    b"(", b"N", b"\x88", b"\x89", b"K\x05", b"M\x05\x00", b"J\xff\xff\xff\xff", b"I7\n", b"L7L\n",
    b"\x8a\x02\xff\x7f", b"\x8a\xff" + b"\x7f" * 255, b"U\x02f4", b"U\x03abc", b"C\x01a",
    b"S'f4'\n", b"X\x02\x00\x00\x00f4", b"\x8c\x06latin1", b"Vf4\n", b")", b"]", b"t", b"\x85",
    b"\x86", b"\x87", b"l", b"a", b"e", b"h\x00", b"h\x07", b"q\x00", b"q\x01",
    b"r\x10\x27\x00\x00", b"\x94", b"R", b"b", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n",
    b"cnumpy.core.multiarray\n_reconstruct\n", b"c_codecs\nencode\n",
    b"cnumpy.core.numeric\n_frombuffer\n", b"\x93", b"Q", b"Pid\n", b"\x80\x02",
    b"\x95\x00\x00\x00\x00\x00\x00\x00\x00", b"\x8e" + b"\xff" * 8, b"T\xff\xff\xff\x7f",
    b"B\x01\x00\x00\x00z", b"V\\ud800\n", b"S'\\xZZ'\n", b"X\x03\x00\x00\x00\xed\xa0\x80",
)  # fmt: skip
_FORBIDDEN: Sequence[bytes] = (
    b"}", b"s", b"u", b"\x8f", b"\x90", b"\x91", b"\x81", b"\x92", b"o", b"ios\nsystem\n",
    b"G" + b"\0" * 8, b"F1.5\n", b"0", b"1", b"2", b"\x97", b"\x98", b"\x82\x01", b"cos\nsystem\n",
    b"cbuiltins\neval\n", b"cnumpy\nload\n", b"p99999999\n", b"\xff",
)  # fmt: skip


def _random_program(rng: random.Random) -> bytes:
    chosen = [rng.choice(_OPERATIONS) for _ in range(rng.choice((3, 10, 40, 200)))]
    if rng.random() < 0.3:
        chosen.insert(rng.randrange(len(chosen)), rng.choice(_FORBIDDEN))
    return b"\x80\x02" + b"".join(chosen) + rng.choice((b".", b".", b".", b""))


def _odd_insertion(rng: random.Random) -> bytes:
    """Put operations into a sound pickle, or take some out."""
    content = rng.choice((PROTOCOL_2, old(pickle.dumps(PARTS, rng.choice((0, 2, 3, 4, 5))))))
    place = rng.randrange(len(content))
    new = b"".join(rng.choice((*_OPERATIONS, *_FORBIDDEN)) for _ in range(rng.choice((0, 1, 2))))
    return content[:place] + new + content[place + rng.choice((0, 0, 1, 3)) :]


def _other_things(rng: random.Random) -> bytes:
    """Pickle things that are no three pairs of arrays."""
    x, y = np.ones((3, 2), np.float32), np.arange(3)
    surrogate = "\udc80"
    things: tuple[object, ...] = (
        None, [], (), ((x, y),) * 2, ((x, y),) * 4, ((x, y), (x, y), x),
        ((x, y), (x, y), (x, None)), ((y, x),) * 3, ((x, y), (x, y), (x[:, :1], y)), ((x, x),) * 3,
        ((x * np.nan, y),) * 3, ((x, y - 0.5),) * 3, ((x[:0], y[:0]),) * 3, ((x, y[:2]),) * 3,
        ("x",) * 3, {"x": x}, {1, 2}, ((x.astype(object), y),) * 3, ((np.array("a"), y),) * 3,
        ((np.float32(1), y),) * 3, 10**300, surrogate, [surrogate] * 3,
        ((x.astype("<U3"), y),) * 3, ((x.astype(complex), y),) * 3,
    )  # fmt: skip
    return old(pickle.dumps(rng.choice(things), rng.choice((0, 1, 2, 3, 4))))


def _nested(rng: random.Random) -> bytes:
    opening = rng.choice((b"(", b"]", b")\x85", b"](", b"N\x85"))
    return (
        b"\x80\x02" + opening * rng.choice((10, 1000, 4000)) + rng.choice((b"", b"t" * 100)) + b"."
    )


def pickle_file(rng: random.Random) -> Sample:
    """Return a pickle that is a wrong program, or of wrong things."""
    makers = (_random_program, _odd_insertion, _odd_insertion, _other_things, _nested)
    content = rng.choice(makers)(rng)
    if rng.random() < 0.5:
        return Sample({"mnist.pkl.gz": pack(content)}, "mnist.pkl.gz")
    return Sample({"mnist.pkl": content}, "mnist.pkl", rng.choice((None, None, None, "y")))


def heavy_pickle() -> dict[str, Callable[[], bytes]]:
    """Return makers of pickles of up to 16 MiB that unpack or grow to far more."""
    return {
        "a shared array": _shared_array,
        "a character of four bytes": lambda: pack(
            b"\x80\x02X" + struct.pack("<I", 200 << 20) + "😀".encode() + b"x" * (200 << 20)
        ),
        "an escaped character": lambda: pack(b"V\\U0001f600" + b"x" * (200 << 20) + b"\n."),
        "zeros": lambda: pack(bytes(1 << 30)),
        "a line without an end": lambda: pack(b"V" + b"x" * (1 << 28)),
        "operations": lambda: b"N" * (16 << 20),
        "marks": lambda: b"(" * (16 << 20),
        "a long number": lambda: b"L" + b"9" * (16 << 20) + b"L\n.",
        "a long hexadecimal number": lambda: b"I0x" + b"f" * (16 << 20) + b"\n.",
    }


def _shared_array() -> bytes:
    """Return three parts of one array of bytes: as float32, each would be four times as large."""
    x, y = _bytes_array(200_000, 1000), _bytes_array(200_000)
    return pack(b"\x80\x02" + x + b"q\x01" + y + b"\x86q\x02h\x02h\x02\x87.")


def _bytes_array(*lengths: int) -> bytes:
    content = bytes(math.prod(lengths))
    shape = b"(" + b"".join(b"J" + struct.pack("<i", length) for length in lengths) + b"t"
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + (shape + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff")
        + (b"J\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(content)) + content + b"tb")
    )
