# Everything a fresh machine needs is git, make and Python 3.11 to 3.13.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.8
PORT ?= 4200
DIR ?= var/openbell
DATABASE ?= postgresql
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

drain: $(READY)  ## Pause the work pool and wait until nothing runs (then workers can be stopped; RESUME=1 undoes it)
	PREFECT_API_URL=$${PREFECT_API_URL:-http://127.0.0.1:$(PORT)/api} $(RUN)/openbell-drain $(if $(RESUME),--resume)

install-vm: .uv/bin/uv  ## Install server, worker and watchdog on this host under systemd (sudo; DATABASE=postgresql)
	$(PYTHON) -m deployments.vm install --database $(DATABASE)

publish: $(READY)  ## Bring a Prefect server in line with the plan files (PLANS="a b" for some, CHECK=1 to look, RESUME=1)
	$(RUN)/python -m deployments.publish $(PLANS) $(if $(CHECK),--check) $(if $(RESUME),--resume)

test: $(READY)  ## Run the whole test suite
	$(RUN)/python -m pytest

faults: $(READY)  ## Run the crash matrix (about 10 minutes) and write docs/crash-matrix.md
	$(RUN)/python -m tests.faults.matrix

lint: $(READY)  ## Style, types and the one-way rule
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

audit: .uv/bin/uv  ## Ask for known holes in the locked dependencies
	@$(PYTHON) .ci/audit

bench: $(READY)  ## Print the benchmarks as ratios
	$(RUN)/python -m benchmarks

bench-replay: $(READY)  ## Time a replay against its peers, each in its own environment (about 10 minutes)
	$(RUN)/python -m benchmarks.replay --write docs/replay-benchmarks.md

docs: $(READY)  ## Write docs/reference.md and the tables of docs/alerts.md anew from the code
	$(RUN)/python docs/reference.py
	$(RUN)/python docs/alerts.py
	$(RUN)/python docs/feeds.py
	$(RUN)/python docs/live.py
	$(RUN)/python docs/settings.py

clean:  ## Remove what make and runs have made (.venv, .uv, var)
	rm -rf .venv .uv var build dist

.PHONY: help setup demo up audit drain install-vm publish test faults lint bench bench-replay docs clean
