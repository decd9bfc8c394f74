"""Hostile files of tensors: headers, what is too large or too deep in them, and no such files."""

import json
import struct
from collections.abc import Iterator
from functools import partial

from tests.torture.hostile_case import MODEL, Case, content, read_model
from tests.torture.hostile_samples import header_file, model_bytes, parts, signed
from tests.torture.hostile_tensors import header, plain

_MOST = 32 << 20  # bytes of a header that is read
_MOST_ITEMS = 5 << 18


def _headers() -> Iterator[Case]:
    yield plain("nothing", b"")
    yield plain("seven bytes", bytes(7))
    for length in (2**63, 2**64 - 1, 2**32, 10**8, 3):
        yield plain(f"a header of {length} bytes", struct.pack("<Q", length) + b"{}")
    yield plain("no header", header_file(b""))
    yield plain("a header that is no UTF-8", header_file(b'{"\xff": 1}'))
    yield plain("a header in UTF-16", header_file(header().decode().encode("utf-16")))
    for text in (
        "[]",
        "5",
        '"x"',
        "null",
        "{}",
        '{"__metadata__": []}',
        '{"__metadata__": {"sdae": 1}}',
        '{"__metadata__": {"sdae": "{}", "sdae": "{\\"format\\": 1}"}}',
        '{"__metadata__": {"sdae": "{}"}, "__metadata__": {"sdae": "{\\"format\\": 1}"}}',
        '{"a": {}, "a": {}, "__metadata__": {"sdae": "{\\"format\\": 1}"}}',
    ):
        yield plain(f"the header {text}", header_file(text))
    for entry in ("", "5", "[]", "{}", "NaN", "os.system", '{"format": 1', "{'format': 1}"):
        yield plain(f"the entry {entry}", header_file(header(entry=entry)))


def _twice(name: str, value: object) -> bytes:
    """Return the good model with a name that stands twice in its entry; the last one is good."""
    good = model_bytes()
    text = signed(*parts(good))
    text = text.replace(f'"{name}":', f'"{name}": {json.dumps(value)}, "{name}":', 1)
    (length,) = struct.unpack("<Q", good[:8])
    fields = json.loads(good[8 : 8 + length]) | {"__metadata__": {"sdae": text}}
    return header_file(json.dumps(fields), good[8 + length :])


def _duplicates() -> Iterator[Case]:
    for name, value in (
        ("format", 2),
        ("architecture", {"activation": "os.system"}),
        ("activation", "os.system"),
        ("classes", ["x"]),
        ("sha256", "0" * 64),
    ):
        yield plain(f"{name} twice", _twice(name, value))


def _deep() -> Iterator[Case]:
    yield plain("a deep header", header_file("[" * (1 << 20)))
    yield plain("a deep entry", header_file(header(entry="[" * (1 << 20))))
    # Near the end of the stack, reading may succeed where what comes after does not.
    for depth in (*range(900, 1000, 2), 5000):
        text = f'{{"format": 1, "x": {"[" * depth}{"]" * depth}}}'
        yield plain(f"an entry of depth {depth}", header_file(header(entry=text)))


def _entry_of(unit: str, *, bounded: bool) -> bytes:
    """Return a header as long as is read, or with as many items, which take long to parse."""
    marks = unit.count("[") + unit.count("{") + 1
    written = len(json.dumps(unit)) - 1
    n = (_MOST - 4096) // written
    if bounded:
        n = min(n, (_MOST_ITEMS - 100) // marks)
    return header_file(header(entry=f'{{"format": 1, "x": [{",".join([unit] * n)}]}}'))


def _many_tensors() -> bytes:
    fields = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    return header_file(header(",".join(f'"{i:x}":{fields}' for i in range(200_000)) + ","))


def _large() -> Iterator[Case]:
    for unit in ("[[]]", '{"":0}', "0.5", "9" * 4000):
        for bounded in (True, False):
            made = partial(_entry_of, unit, bounded=bounded)
            name = f"{'bounded' if bounded else 'endless'} entry of {unit[:8]} ({len(unit)})"
            yield Case(name, content(MODEL, made), (read_model,))
    text = json.dumps({"format": "x" * (30 << 20)})
    for name, make in (
        ("200,000 tensors", _many_tensors),
        ("a text of 30 MB", lambda: header_file(header(entry=text))),
        ("a header over 32 MiB", lambda: header_file(b" " * (_MOST + 1))),
    ):
        yield Case(name, content(MODEL, make), (read_model,))


def _others() -> Iterator[Case]:
    for name, made in (
        ("a web page", b"<html><script>alert(1)</script></html>" * 9),
        ("a script", b"#!/bin/sh\ntouch /tmp/escaped\n"),
        ("a program", b"\x7fELF" + bytes(200)),
        ("Python", b"import os\nos.system('true')\n"),
        ("zeros", bytes(4096)),
    ):
        yield plain(name, made)


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _headers()
    yield from _duplicates()
    yield from _deep()
    yield from _large()
    yield from _others()
