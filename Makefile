# make demo | test | check | lint: each makes its own virtual environment first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH_INSTALL ?= torch==2.13.0
READY := $(VENV)/.ready

export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo test slow check environment clean

demo: $(READY)
	$(BIN)/pwffsim run scenarios/quickstart.yaml

test: $(READY) check
	$(BIN)/python -m pytest

slow: $(READY)
	$(BIN)/python -m pytest -m slow

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

environment: $(READY)

# A torch that is already in the environment stays; TORCH_INSTALL says what to install otherwise, for instance
# TORCH_INSTALL='torch==2.13.0 --index-url ADDRESS-OF-THE-CPU-BUILDS'.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install $(TORCH_INSTALL)
	$(BIN)/pip install -c constraints.txt -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
