# Two commands do all: `make train` and `make test`. Both set up what they need in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Bytecode is compiled at the first import: of most files never.
PIP := PIP_NO_COMPILE=1 $(BIN)/python -m pip --disable-pip-version-check --quiet

# Tests start many processes: without bytecode on the disk each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help train test test-slow test-oldest test-pythons test-launchers gpu-check torture fuzz lint check kernels format benchmark clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /: /'

train: $(VENV)/.train  ## set up, train on the embedded MNIST, show the result and write its report
	$(BIN)/sdae train mnist --report

test: $(VENV)/.test $(if $(NVRTC),$(VENV)/.nvrtc)  ## set up, lint, type-check and run the tests with coverage
	$(MAKE) --no-print-directory --jobs=2 check kernels
	rm -f .coverage .coverage.*
	@# In the order of folders, files of seconds come last, and no core waits for the other.
	$(BIN)/coverage run -m pytest -n auto --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-slow: $(VENV)/.test  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

torture: $(VENV)/.test  ## kill, damage and forge at full size, for docs/reliability.md (a quarter of an hour)
	PYTHONPATH=benchmarks $(BIN)/python -m tests.torture
	$(BIN)/python benchmarks/tables.py

fuzz: $(VENV)/.test  ## guided by coverage, each reader of data for a minute
	$(PIP) install --upgrade --target $(VENV)/fuzz atheris
	for format in $$($(BIN)/python -c 'from tests.torture.sample_files import FORMATS; print(*FORMATS)') recipe; do \
	  PYTHONPATH=$(VENV)/fuzz $(BIN)/python -m tests.torture.atheris_target $$format 60 $(VENV)/fuzzed-$$format || exit 1; done

test-oldest: $(VENV)/oldest/.ready  ## the tests with the oldest supported version of every dependency
	$(VENV)/oldest/bin/python -m pytest -n auto --dist loadfile -W ignore::DeprecationWarning -W ignore::pytest.PytestRemovedIn10Warning

test-pythons:  ## the tests on Python 3.13 to 3.15, as root on Linux (downloads gigabytes)
	tools/test_pythons.sh

test-launchers: $(VENV)/launchers/.ready  ## the examples on Ray and Spark, which need Java (downloads half a gigabyte)
	$(VENV)/launchers/bin/python -m pytest -m slow tests/docs/test_launchers.py

gpu-check: $(VENV)/.test $(VENV)/.nvrtc  ## try and measure all that is claimed of an NVIDIA GPU, on one (under four minutes)
	$(BIN)/python benchmarks/gpu.py; passed=$$?; $(BIN)/python benchmarks/tables.py && exit $$passed

kernels: $(VENV)/.test  # traced by coverage, to compile them would take three times as long
	$(BIN)/python -m tests.train.kernels.compile_all

lint: $(VENV)/.test  ## ruff alone, as before every commit (a second)
	$(BIN)/ruff check .
	$(BIN)/ruff check --select D --ignore D105 src
	$(BIN)/ruff format --check .

check: lint  ## ruff, mypy, import-linter (seconds after the first time)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test  ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(VENV)/.test  ## measure what docs/results.md states
	$(BIN)/python benchmarks/mnist.py
	$(BIN)/python benchmarks/mnist.py --set pretraining.epochs=0 --name mnist-unpretrained
	$(BIN)/python benchmarks/recipe_search.py
	$(BIN)/python benchmarks/mnist.py --recipe tutorial
	$(PIP) install -c constraints.txt pytensor
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/rows_on_disk.py
	$(BIN)/python benchmarks/scaling_processes.py
	$(BIN)/python benchmarks/charts.py
	$(BIN)/python benchmarks/estimators.py
	$(BIN)/python benchmarks/imputation.py
	$(BIN)/python benchmarks/table_peers.py
	$(BIN)/python benchmarks/bulk_predict.py
	$(BIN)/python benchmarks/neighbours.py
	$(BIN)/python benchmarks/label_curve.py
	$(BIN)/python benchmarks/compare_study.py
	$(BIN)/python benchmarks/estimator_pictures.py
	$(BIN)/python benchmarks/tables.py

clean:  ## remove what the other targets made, but not the runs
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sdae needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.train: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing sdae and its dependencies in $(VENV) (once; torch is large) ..."
	$(PIP) install -c constraints.txt -e ".[report]"
	@touch $@

# To compile CUDA kernels, without a GPU: `make test NVRTC=1` as in CI.
$(VENV)/.nvrtc: $(VENV)/.test
	@echo "Installing NVRTC in $(VENV) (once) ..."
	$(PIP) install -c constraints.txt -e ".[cuda]"
	@touch $@

$(VENV)/oldest/.ready: $(VENV)/.test tools/oldest.py
	@echo "Installing the oldest dependencies in $(VENV)/oldest (once; torch is large) ..."
	$(PYTHON) -m venv --clear $(VENV)/oldest
	$(BIN)/python tools/oldest.py > $(VENV)/oldest/constraints.txt
	$(VENV)/oldest/bin/python -m pip --disable-pip-version-check --quiet install -c $(VENV)/oldest/constraints.txt -e ".[report,tables,neighbours,export,tensorboard,mlflow,test]"
	@touch $@

# All but Ray and Spark is taken from $(VENV): torch is large.
$(VENV)/launchers/.ready: $(VENV)/.test
	@echo "Installing Ray and Spark in $(VENV)/launchers (once; Spark is large) ..."
	$(PYTHON) -m venv --clear $(VENV)/launchers
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	  > "$$($(VENV)/launchers/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/all_else.pth"
	PIP_NO_COMPILE=1 $(VENV)/launchers/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt "ray[train]" pyspark
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing sdae and its test tools in $(VENV) (once; torch is large) ..."
	$(PIP) install -c constraints.txt -e ".[report,tables,neighbours,export,tensorboard,mlflow,dev]"
	@touch $@
