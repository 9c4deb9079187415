# `make demo` and `make test` need nothing but Python (3.10 or newer) and make: each sets itself up.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# where MNIST lies, for the tests and benchmarks that use it: $LAYERWISE_DATA/mnist
export LAYERWISE_DATA ?= $(abspath ../shared/data)
# small matrices gain nothing from several threads, and lose much beside a busy neighbour
export OPENBLAS_NUM_THREADS ?= 1

# tests are shared out among as many processes as there are CPUs
WORKERS ?= -n auto --dist worksteal

.PHONY: help demo test lint types tests test-peers docs screenshots bench learn clean

help:
	@echo "make demo        the shop, a training on handwritten digits, pictures in out/"
	@echo "make test        lint, types and all tests"
	@echo "make test-peers  comparison with PyTorch (installs torch)"
	@echo "make docs        the page of all layers, and the pictures of the documents"
	@echo "make screenshots pictures of the explorer, by the system's Chromium"
	@echo "make bench       speed beside other libraries; ARGS=--quick takes some 15 minutes"
	@echo "make learn       what networks learn, beside PyTorch; takes most of an hour"
	@echo "make clean       remove what the others made"

demo: $(VENV)/demo
	$(BIN)/layerwise shop --out out/shop.svg
	rm -rf out/digits
	$(BIN)/layerwise train digits --out out/digits

test: lint types tests

lint: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/test
	$(BIN)/mypy

tests: $(VENV)/test
	$(BIN)/python -m pytest $(WORKERS) -m "not peers"
	LAYERWISE_ENGINE=compiled $(BIN)/python -m pytest $(WORKERS) tests/test_engine*.py src/layerwise/engine

test-peers: $(VENV)/peers
	$(BIN)/python -m pytest -m peers tests

docs: $(VENV)/demo
	$(BIN)/python docs/layers.py
	$(BIN)/python docs/models.py
	$(BIN)/python docs/pictures.py

screenshots: $(VENV)/test
	$(BIN)/python docs/explorer.py

bench: $(VENV)/bench
	$(BIN)/python -m bench $(ARGS)

learn: $(VENV)/peers
	$(BIN)/python -m bench.learning

clean:
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# one stamp for each set of packages; it is made anew when pyproject.toml changes

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "layerwise needs Python 3.10 or newer; say which: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/test: pyproject.toml | $(VENV)/demo
	$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

# a peer that cannot be had is a column that says so
$(VENV)/bench: pyproject.toml | $(VENV)/demo
	@for peer in torch jax scikit-learn tinygrad micrograd; do \
	  $(BIN)/python -m pip install --quiet --group $$peer || echo "make bench goes on without $$peer"; \
	done
	@touch $@

$(VENV)/peers: pyproject.toml | $(VENV)/test
	$(BIN)/python -m pip install --quiet --group peers
	@touch $@
