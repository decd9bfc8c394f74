"""Reading TensorBoard's event files back."""

import struct
from pathlib import Path
from typing import Any

from tensorboardX.proto.event_pb2 import Event


def events_in(path: Path) -> list[Any]:
    """Return the events of a file, in order."""
    events, content, start = [], path.read_bytes(), 0
    while start < len(content):
        # A record: its length, a checksum of that, itself, a checksum of that.
        (length,) = struct.unpack_from("<Q", content, start)
        events.append(Event.FromString(content[start + 12 : start + 12 + length]))
        start += 12 + length + 4
    return events


def values_in(folder: Path) -> list[tuple[str, int, Any]]:
    """Return the tag, the step and the value of all summaries in the event files of a folder."""
    events = [event for path in sorted(folder.glob("events.*")) for event in events_in(path)]
    return [(value.tag, event.step, value) for event in events for value in event.summary.value]


def scalars_in(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return steps and values by tag."""
    scalars: dict[str, list[tuple[int, float]]] = {}
    for tag, step, value in values_in(folder):
        if value.HasField("simple_value"):
            scalars.setdefault(tag, []).append((step, value.simple_value))
    return scalars
