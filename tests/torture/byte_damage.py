"""Damage to bytes of any kind: flipped, cut, put in, doubled, spliced, replaced by what hurts."""

import random
import re
from collections.abc import Callable

_NEAR = 160
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_NUMBERS_THAT_HURT = (
    b"1e999",
    b"-1e39",
    b"nan",
    b"-inf",
    b"",
    b" ",
    b"9" * 400,
    b"1_0",
    b"0x10",
    b"1,5",
    b"--1",
    b"99999999999999999999",
    b"true",
    "٣".encode(),
    b"1e-400",
)
_BYTES_THAT_HURT = (
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # a lone surrogate
    b"\xf4\x90\x80\x80",  # beyond the last character
    b"\xc3",
    b"\xef\xbb\xbf",
    b'"',
    b"'",
    b'"\n"',
    b"\r",
    b"\n\n",
    b"\x1b[2J",
    b"\x7f",
    "\u202e\U0010ffff".encode(),
    b"," * 50,
    b"(" * 300,
    b"[" * 300,
    b"\x80",
    b"PK\x01\x02",
    b"\x1f\x8b",
    b"PAR1",
)
_EXTREMES = (0, 1, -1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 10**9)


def damage(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Return `content` with one to four kinds of damage; `other` is what may be spliced in."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        content = rng.choice(_KINDS)(rng, content, other)
    return content


def _place(rng: random.Random, content: bytes) -> int:
    """Choose a place; often near the start or the end, where headers and footers are."""
    size = len(content)
    near = min(_NEAR, size)
    return rng.choice((rng.randint(0, near), size - rng.randint(0, near), rng.randint(0, size)))


def _flip_bits(rng: random.Random, content: bytes, _: bytes) -> bytes:
    mutable = bytearray(content)
    for _i in range(rng.choice((1, 1, 2, 8))):
        place = min(_place(rng, content), len(mutable) - 1)
        if place >= 0:
            mutable[place] ^= 1 << rng.randrange(8)
    return bytes(mutable)


def _change_bytes(rng: random.Random, content: bytes, _: bytes) -> bytes:
    mutable = bytearray(content)
    for _i in range(rng.choice((1, 1, 2, 8))):
        place = min(_place(rng, content), len(mutable) - 1)
        if place >= 0:
            mutable[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(mutable)


def _truncate(rng: random.Random, content: bytes, _: bytes) -> bytes:
    place = _place(rng, content)
    return content[:place] if rng.random() < 0.7 else content[place:]


def _insert(rng: random.Random, content: bytes, _: bytes) -> bytes:
    place = _place(rng, content)
    new = rng.choice((rng.randbytes(rng.randint(1, 12)), rng.choice(_BYTES_THAT_HURT)))
    return content[:place] + new + content[place:]


def _delete(rng: random.Random, content: bytes, _: bytes) -> bytes:
    place = _place(rng, content)
    return content[:place] + content[place + rng.choice((1, 2, 4, 8, 100)) :]


def _duplicate(rng: random.Random, content: bytes, _: bytes) -> bytes:
    start = _place(rng, content)
    block = content[start : start + rng.randint(1, 200)]
    return content[:start] + block * rng.choice((2, 3, 100)) + content[start + len(block) :]


def _splice(rng: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: _place(rng, content)] + other[_place(rng, other) :]


def _swap(rng: random.Random, content: bytes, _: bytes) -> bytes:
    first, second, third = sorted(_place(rng, content) for _i in range(3))
    return content[:first] + content[second:third] + content[first:second] + content[third:]


def _extreme_integer(rng: random.Random, content: bytes, _: bytes) -> bytes:
    width = rng.choice((1, 2, 4, 8))
    value = rng.choice(_EXTREMES) % (1 << 8 * width)
    place = _place(rng, content)
    new = value.to_bytes(width, rng.choice(("little", "big")))
    return content[:place] + new + content[place + width :]


def _change_number(rng: random.Random, content: bytes, _: bytes) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    start, stop = rng.choice(found).span()
    return content[:start] + rng.choice(_NUMBERS_THAT_HURT) + content[stop:]


def _blank(rng: random.Random, content: bytes, _: bytes) -> bytes:
    start = _place(rng, content)
    length = rng.randint(1, 64)
    return content[:start] + rng.choice((b"\0", b"\xff", b" ")) * length + content[start + length :]


_KINDS: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (
    _flip_bits,
    _change_bytes,
    _truncate,
    _insert,
    _delete,
    _duplicate,
    _splice,
    _swap,
    _extreme_integer,
    _change_number,
    _blank,
)
