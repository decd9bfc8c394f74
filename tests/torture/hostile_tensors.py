"""Hostile files of tensors: their offsets, shapes, types and names."""

import json
from collections.abc import Iterator, Mapping
from functools import partial

import torch

from tests.torture.hostile_case import FILE, MODEL, Case, content, verify_file
from tests.torture.hostile_samples import (
    CLASSES,
    forged,
    header_file,
    model_bytes,
    parts,
    signed,
    tensor,
)

WAYS = (*FILE, verify_file)
_DTYPES = {"F32": torch.float32, "F64": torch.float64}
Places = dict[str, tuple[int, int]]


def header(extra: str = "", entry: str = '{"format": 1}') -> bytes:
    """Return a header with something beside the entry, which comes last."""
    return f'{{{extra}"__metadata__": {{"sdae": {json.dumps(entry)}}}}}'.encode()


def plain(name: str, made: bytes) -> Case:
    """Return the case of a model file of some bytes."""
    return Case(name, content(MODEL, lambda: made), WAYS)


def _one(fields: str, data: bytes = bytes(8)) -> bytes:
    """Return a file with a tensor `a` of odd fields."""
    return header_file(header(f'"a": {{{fields}}}, '), data)


def _layout(places: Mapping[str, tuple[int, int]], data: bytes) -> bytes:
    """Return the good model with its tensors at other places of the data.

    The checksum is that of what a reader would find there.
    """
    entry, tensors = parts(model_bytes())
    seen = dict(tensors)
    fields: dict[str, object] = {}
    for name, (start, stop) in places.items():
        good = tensors[name]
        kind = next(kind for kind, dtype in _DTYPES.items() if dtype == good.dtype)
        fields[name] = {"dtype": kind, "shape": list(good.shape), "data_offsets": [start, stop]}
        there = bytearray(data[start:stop])
        if len(there) == good.numel() * good.itemsize:
            seen[name] = torch.frombuffer(there, dtype=good.dtype).reshape(good.shape)
    fields["__metadata__"] = {"sdae": signed(entry, seen)}
    return header_file(json.dumps(fields), data)


def _places() -> Places:
    """Return where the tensors of the good model may lie, one after the other."""
    places: Places = {}
    start = 0
    for name, good in parts(model_bytes())[1].items():
        stop = start + good.numel() * good.itemsize
        places[name] = (start, stop)
        start = stop
    return places


def _offsets() -> Iterator[tuple[str, Places, bytes]]:
    """Yield layouts that are none."""
    good = _places()
    end = max(stop for _, stop in good.values())
    data = torch.arange(1, end // 4 + 1, dtype=torch.float32).numpy().tobytes()
    (first, (start, stop)), *_, (last, (last_start, last_stop)) = good.items()
    biases = [name for name in good if name.endswith("hidden_bias")]
    begin = good[biases[0]][0]
    length = good[biases[1]][1] - good[biases[1]][0]
    yield "a gap", good | {last: (last_start + 8, last_stop + 8)}, data + bytes(8)
    yield "an overlap", good | {biases[1]: (begin, begin + length)}, data
    yield "all at 0", {name: (0, b - a) for name, (a, b) in good.items()}, data
    yield "reversed", good | {first: (stop, start)}, data
    yield "beyond the end", good | {last: (last_start + end, last_stop + end)}, data
    yield "more data", good, data + bytes(64)
    yield "less data", good, data[:-4]
    yield "half a number away", good | {first: (start + 2, stop + 2)}, data


def _offset_cases() -> Iterator[Case]:
    for name, places, data in _offsets():
        yield plain(f"offsets: {name}", _layout(places, data))
    for offsets in (
        "[-8, 0]",
        "[0, 9223372036854775808]",
        "[9223372036854775807, 9223372036854775815]",
        "[0.0, 8.0]",
        "[8]",
        "null",
        '["0", "8"]',
    ):
        fields = f'"dtype": "F32", "shape": [2], "data_offsets": {offsets}'
        yield plain(f"offsets {offsets}", _one(fields))


def _shapes() -> Iterator[Case]:
    for shape in (
        "[1000000000, 1000000000]",
        "[1000000000, 6]",
        "[-2]",
        "[9223372036854775807]",
        "[18446744073709551615]",
        "[4294967296, 4294967296]",
        "[2.0]",
        '["2"]',
        "[[2]]",
        "2",
        "null",
        "[true, 2]",
        f"[{','.join(['1'] * 100_000)}, 2]",
        "[" * 5000,
    ):
        fields = f'"dtype": "F32", "shape": {shape}, "data_offsets": [0, 8]'
        yield plain(f"shape {shape[:50]}", _one(fields))
    for shape in (
        "[0, 9223372036854775807, 9223372036854775807]",
        "[0, 18446744073709551615]",
        "[0, 1000000000, 1000000000]",
    ):
        fields = f'"dtype": "F32", "shape": {shape}, "data_offsets": [0, 0]'
        yield plain(f"empty shape {shape}", _one(fields, b""))


def _types() -> Iterator[Case]:
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.int64,
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.complex64,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
    ):
        change = tensor("head.bias", torch.zeros(len(CLASSES)).to(dtype))
        made = partial(forged, model_bytes(), change)
        yield Case(f"a bias of {dtype}", content(MODEL, made), WAYS)
    for kind in ('"F4"', '"F8_E8M0"', '"F31"', '"f32"', '"O"', "null", "[]", '"os.system"'):
        fields = f'"dtype": {kind}, "shape": [16], "data_offsets": [0, 8]'
        yield plain(f"type {kind}", _one(fields))


def _names() -> Iterator[Case]:
    for name in (
        "\x1b[2J\x1b]0;x\x07",
        "a\0b",
        "a\nb",
        "../../x",
        "/etc/passwd",
        "__class__",
        "x" * 10**6,
        "\u202e",
        "",
    ):
        made = partial(forged, model_bytes(), tensor(name, torch.zeros(1)))
        yield Case(f"the tensor {name[:20]!r}", content(MODEL, made), WAYS)


def cases() -> Iterator[Case]:
    """Yield all of them."""
    yield from _offset_cases()
    yield from _shapes()
    yield from _types()
    yield from _names()
