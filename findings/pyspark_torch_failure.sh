#!/usr/bin/env bash
# A training that fails is a success for pyspark's TorchDistributor, if it is given as a file.
#
# Seen with pyspark 4.3.0, Java 17 on Linux x86-64. TorchDistributor starts the module
# pyspark.ml.torch.torch_run_process_wrapper, which starts torchrun, waits for it, and ends without its
# exit code. So the check of that code by TorchDistributor never finds a failure, in local mode and on
# executors: run("train.py") returns None, and the Spark job succeeds. Only what torchrun printed says
# what happened. For a function there is a second check, since its result is missing: "TorchDistributor
# failed during training". This script shows it where torch is not even installed; with torch 2.13.0 a
# file that raises an error gives the same.
#
#     run("train.py"), which fails                 None
#     run(function), which fails                   RuntimeError
#     exit code of torchrun; of the wrapper        1; 0
#
# Remedy: give a function, or let the file write something at its end and look for that.
#
# The exit code is 1 if this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pyspark==4.3.0 numpy==2.4.6 pandas==2.3.3 pyarrow==26.0.1 setuptools==84.2.1
export PYSPARK_PYTHON="$folder/venv/bin/python"
"$folder/venv/bin/python" - "$folder" 2> "$folder/log" <<'PYTHON'
import pathlib
import platform
import subprocess
import sys

import pyspark
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession

program = pathlib.Path(sys.argv[1], "train.py")
program.write_text("raise SystemExit('this training fails')\n")


def train():
    raise SystemExit("this training fails")


def answer(distributor, training):
    try:
        return repr(distributor.run(training))
    except RuntimeError as error:
        return type(error).__name__


def exit_code(module):
    command = [sys.executable, "-m", module, "--standalone", "--nproc_per_node=1", str(program)]
    return subprocess.run(command, capture_output=True).returncode


spark = SparkSession.builder.master("local[2]").getOrCreate()
found = {}
for local in (True, False):
    distributor = TorchDistributor(2, local_mode=local, use_gpu=False)
    where = "local mode" if local else "on executors"
    found[f"a file that fails, {where}"] = answer(distributor, str(program))
found["a function that fails, local mode"] = answer(TorchDistributor(2, use_gpu=False), train)
found["exit code of torchrun"] = exit_code("torch.distributed.run")
found["exit code of the wrapper"] = exit_code("pyspark.ml.torch.torch_run_process_wrapper")
spark.stop()
print(f"Python {platform.python_version()}, pyspark {pyspark.__version__}, {platform.machine()}")
for what, value in found.items():
    print(f"  {what}: {value}")
if list(found.values()) != ["None", "None", "RuntimeError", 1, 0]:
    raise SystemExit("This has changed.")
PYTHON
