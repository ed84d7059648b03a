# Everything a fresh machine needs is git, make and Python 3.11 to 3.13.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.8
PORT ?= 4200
DIR ?= var/openbell
READY := .venv/.ready
RUN := .venv/bin

help:  ## List what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY)  ## Install everything into .venv (the other targets do it when needed)

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "openbell needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): pyproject.toml uv.lock | .uv/bin/uv
	.uv/bin/uv sync --frozen --all-extras --compile-bytecode --python $(PYTHON)
	@touch $@

demo: $(READY)  ## Trade the demo plan through Prefect over recent sessions, on paper, and show what was decided
	$(RUN)/python -m deployments.demo

up: $(READY)  ## Leave a Prefect server and worker running with the demo plan on its schedule (PORT=4200)
	$(RUN)/python -m deployments.up --port $(PORT) --dir $(DIR)

test: $(READY)  ## Run the whole test suite
	$(RUN)/python -m pytest

faults: $(READY)  ## Run the crash matrix (about 10 minutes) and write docs/crash-matrix.md
	$(RUN)/python -m tests.faults.matrix

lint: $(READY)  ## Style, types and the one-way rule
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: $(READY)  ## Print the benchmarks as ratios
	$(RUN)/python -m benchmarks

docs: $(READY)  ## Write docs/reference.md and the tables of docs/alerts.md anew from the code
	$(RUN)/python docs/reference.py
	$(RUN)/python docs/alerts.py
	$(RUN)/python docs/feeds.py
	$(RUN)/python docs/live.py

clean:  ## Remove what make and runs have made (.venv, .uv, var)
	rm -rf .venv .uv var build dist

.PHONY: help setup demo up test faults lint bench docs clean
