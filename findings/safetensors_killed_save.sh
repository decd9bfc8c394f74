#!/usr/bin/env bash
# A process that is killed while safetensors saves leaves a hidden file as large as the model, for good.
#
# Seen with safetensors 0.8.0, NumPy 2.4.6 on Linux x86-64. save_file no longer writes under the name it
# is given: it fills .tmpXXXXXX (six random characters, no .safetensors) in the same folder and renames
# it. So the old file survives a kill, which is what one wants. But nothing removes the other file: the
# next save makes one with another name, and a clean-up that looks for *.safetensors, or for names that
# begin with the model's, does not find it. Checkpoints of 10 GB that are preempted ten times leave up to
# 100 GB that `ls` does not show. With 0.7.0 a kill left a half under the model's own name instead.
#
#     three saves killed        0.8.0   three hidden files, the old model whole
#                               0.7.0   no hidden file, the model half-written
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
changed=0
for version in 0.8.0 0.7.0; do
  "$folder/venv/bin/python" -m pip install --quiet "safetensors==$version" numpy==2.4.6
  "$folder/venv/bin/python" - "$folder/$version" <<'PYTHON' || changed=1
import os
import pathlib
import platform
import signal
import sys
import time

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

folder = pathlib.Path(sys.argv[1])
folder.mkdir()
model = folder / "model.safetensors"
old, new = ({"w": np.full(100_000_000, value, np.float32)} for value in (1, 2))  # 400 MB
save_file(old, model)
whole = model.stat().st_size


def being_written() -> bool:
    """Tell whether a save is under way: some of its bytes are there, not all."""
    sizes = [path.stat().st_size for path in folder.glob(".tmp*")] or [model.stat().st_size]
    return any(size < whole for size in sizes) or len(list(folder.glob(".tmp*"))) > killed


killed = 0
while killed < 3:
    child = os.fork()
    if child == 0:
        save_file(new, model)
        os._exit(0)
    while not being_written() and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.0005)
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):  # it was quicker
        save_file(old, model)
        continue
    killed += 1
hidden = len(list(folder.glob(".tmp*")))
try:
    is_whole = bool((load_file(model)["w"] == 1).all())
except Exception:
    is_whole = False
print(f"Python {platform.python_version()}, safetensors {safetensors.__version__}, {platform.machine()}:")
print(f"  {hidden} hidden files after {killed} kills; the old model is {'whole' if is_whole else 'damaged'}")
wanted = (3, True) if safetensors.__version__ == "0.8.0" else (0, False)
sys.exit((hidden, is_whole) != wanted)
PYTHON
done
if [ "$changed" = 1 ]; then
  echo "This has changed."
  exit 1
fi
