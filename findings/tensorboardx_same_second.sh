#!/usr/bin/env bash
# tensorboardX: a second writer on the same folder within one second empties the first one's file.
#
# Seen with tensorboardX 2.6.5 on Linux x86-64. The name of an events file is the time in whole seconds
# and the host; the file is opened with "wb". So where two writers are made within one second in one
# process or in two (a resumed training, two folds of a cross-validation), there is one file, and what
# the first has flushed is gone: of the tags "first" and "second" only "second" is read back. With
# different values of filename_suffix there are two files and both tags.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tensorboardX==2.6.5 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import struct
import sys
import time
from pathlib import Path

import tensorboardX
from tensorboardX.proto.event_pb2 import Event


def tags_in(folder):
    found = []
    for path in sorted(folder.glob("events*")):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            found += [value.tag for value in event.summary.value]
            place += 12 + length + 4  # length and its checksum, the event and its checksum
    return found


def written(folder, suffixes):
    while time.time() % 1 > 0.2:  # both writers within one second
        time.sleep(0.01)
    began = int(time.time())
    for tag, suffix in zip(("first", "second"), suffixes):
        writer = tensorboardX.SummaryWriter(str(folder), filename_suffix=suffix)
        writer.add_scalar(tag, 1.0, 0)
        writer.flush()
        writer.close()
    if int(time.time()) != began:
        raise SystemExit("The machine was too slow to make two writers within a second.")
    return len(list(folder.glob("events*"))), tags_in(folder)


same = written(Path(sys.argv[1]) / "same", ("", ""))
apart = written(Path(sys.argv[1]) / "apart", (".1", ".2"))
print(f"tensorboardX {tensorboardX.__version__}")
print("no suffix:    files and tags", same)
print("two suffixes: files and tags", apart)
if same != (1, ["second"]) or apart != (2, ["first", "second"]):
    raise SystemExit("This has changed.")
PYTHON
