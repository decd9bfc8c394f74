#!/usr/bin/env bash
# Ray Train without a dashboard writes a warning every second, as long as the training takes.
#
# Seen with ray 2.60.0 on Linux x86-64. `pip install "ray[train]"` is what Ray's documentation asks for; it
# has no dashboard, which comes with "ray[default]". A process that watches the training, the
# PlacementGroupCleaner, asks the State API, which is part of the dashboard, every second, and each time
# says "Failed to query Ray Train Controller actor state. State API may be temporarily unavailable". It
# never becomes available. The training itself is right. A night gives some 30,000 lines.
#
#     training of 10 s                           10 warnings or more
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "ray[train]==2.60.0" setuptools==84.2.1
export RAY_USAGE_STATS_ENABLED=0
cat > "$folder/train.py" <<'PYTHON'
import platform
import sys
import time

import ray
from ray.train import RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

print(f"Python {platform.python_version()}, ray {ray.__version__}, {platform.machine()}")
ray.init(num_cpus=1)
DataParallelTrainer(
    lambda: time.sleep(10),
    scaling_config=ScalingConfig(num_workers=1),
    run_config=RunConfig(storage_path=sys.argv[1]),
).fit()
ray.shutdown()
PYTHON
cd "$folder"
"$folder/venv/bin/python" "$folder/train.py" "$folder/results" > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
head -n 1 "$folder/log"
times=$(grep -c "State API may be temporarily unavailable" "$folder/log" || true)
echo "  training of 10 s: $times warnings"
if [ "$times" -lt 10 ]; then
  echo "This has changed."
  exit 1
fi
