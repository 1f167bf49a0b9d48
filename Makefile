# Every target sets up $(VENV) by itself, with the versions in constraints.txt; that is quick once
# it is there.
#
#   PYTHON=python3.12      the interpreter to begin with
#   VENV=.venv             where the virtual environment goes
#   TORCH_INDEX=URL        where to take torch from, for another build than the package index has:
#                          https://download.pytorch.org/whl/cpu (small), …/whl/cu130, …/whl/rocm7.0
#   RUNS=runs              where the demo writes its run
#   PYTEST_ARGS="-k name"  further arguments for pytest

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
RUNS ?= runs
PYTEST_ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))

.DEFAULT_GOAL := help
.PHONY: help install demo demo-smallest test lint bench docs dist clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## Set up the virtual environment

$(STAMP): pyproject.toml constraints.txt $(PLUGINS:%=%/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(if $(TORCH_INDEX),$(BIN)/pip install --quiet -c constraints.txt --index-url $(TORCH_INDEX) torch)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[local,ray,dev,docs]' $(PLUGINS:%=-e ./%)
	touch $@

demo: $(STAMP)  ## Train a small student end to end and show how much better it got
	$(BIN)/leap run examples/quickstart.yaml --runs $(RUNS)

demo-smallest: $(STAMP)  ## The demo at its smallest size: does everything work?
	$(BIN)/leap run examples/quickstart-smallest.yaml --runs $(RUNS)

test: $(STAMP)  ## Run all tests, two files at a time
	$(BIN)/pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(STAMP)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## Run the benchmarks at full size
	set -e; for script in $(wildcard benchmarks/[a-z]*.py); do $(BIN)/python $$script; done

docs: $(STAMP)  ## Build the documentation site in site/; a broken link is an error
	$(BIN)/mkdocs build --strict

dist: $(STAMP)  ## Build every package as sdist and wheel in dist/
	set -e; for source in . $(PLUGINS); do \
		$(BIN)/python -m build --no-isolation --outdir dist $$source; done

clean:  ## Remove caches and build products (not runs, not the virtual environment)
	rm -rf build dist site plugins/*/build plugins/*/dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
