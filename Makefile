# What can be done here, each by one command: `make` lists it. Works with GNU make 3.81 (macOS) and later.

VENV := .venv
BIN := $(VENV)/bin
LOCK_VENV := .venv-lock
UV_VERSION := 0.13.9
EXCHANGES := build/exchanges

# The Pythons to try, in this order; the first that is 3.11 or later and can make virtual environments is taken.
# `make PYTHON=/path/to/python3 ...` takes that one and no other.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

WORKERS ?= $(shell $(BIN)/python -c 'import os; print(2 * (os.cpu_count() or 1))')

# Databases of tests need not outlive a power cut: in memory, where there is enough of it, their commits wait for no disk.
MEMORY = $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 2000000 { print "/dev/shm" }')

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip's settings of the person who runs make must not move these installs out of .venv.
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo test lint format bench profile bench-schedule chaos conformance lock clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/runtime.stamp  ## make .venv and install the bot in it

demo: setup  ## try the bot in the browser, without tokens (PORT=8080)
	$(BIN)/darkroom demo $(if $(PORT),--port $(PORT))

# Half of a test is waiting for another process or for the disk, so two of them share a core.
test: $(VENV)/tests.stamp  ## run every test, in a real browser too (ARGS="-k words" picks some; WORKERS=0: one at a time)
	$(BIN)/python -m tests.browser
	rm -rf $(EXCHANGES) && mkdir -p $(EXCHANGES)
	$(if $(MEMORY),TMPDIR=$(MEMORY)) RECORD_EXCHANGES=$(CURDIR)/$(EXCHANGES) $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal $(ARGS)

lint: $(VENV)/tests.stamp  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/tests.stamp  ## put the code into the house's format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/tests.stamp  ## measure the bot against the emulated queue
	$(BIN)/python -m tests.benchmarks $(ARGS)

profile: $(VENV)/tests.stamp  ## where does the bot's time go, over sixty pictures on a local Discord?
	$(BIN)/python -m tests.benchmarks.profiling $(ARGS)

bench-schedule: $(VENV)/tests.stamp  ## how late and how often would schedules look? (the table in bot/README.md)
	$(BIN)/python -m tests.benchmarks.schedules

chaos: $(VENV)/tests.stamp  ## let everything die and misbehave, and count what was answered and paid (ARGS="--seeds 1-20 --seconds 60")
	$(BIN)/python -m tests.chaos $(ARGS)

conformance: $(VENV)/tests.stamp  ## hold what the last `make test` exchanged against the platforms' own schemas (SCHEMAS=folder)
	$(BIN)/python -m tests.conformance $(if $(SCHEMAS),--schemas $(SCHEMAS)) --recorded $(EXCHANGES)

lock: $(LOCK_VENV)/uv.stamp  ## write the locks anew from pyproject.toml (UPGRADE=1 takes newer releases)
	$(call compile,requirements.lock,--group build)
	$(call compile,tests/requirements.lock,--group build --group test --constraints requirements.lock)

clean:  ## remove what make built; data/ stays
	rm -rf $(VENV) $(LOCK_VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find bot adapters storage tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The project is built by the setuptools of the lock (--no-build-isolation), and installed in a second step because pip
# takes no editable project where every requirement has a hash.
define install
$(BIN)/python -m pip install --quiet --require-hashes -r $(1)
$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
@touch $@
endef

# Pins that still fit are kept, so that a lock changes only where pyproject.toml did.
define compile
$(LOCK_VENV)/bin/uv pip compile pyproject.toml $(2) --output-file $(1) --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
endef

$(VENV)/runtime.stamp: requirements.lock pyproject.toml $(BIN)/python
	@echo "Installing Darkroom in $(VENV) (a minute or two the first time) ..."
	$(call install,requirements.lock)

$(VENV)/tests.stamp: tests/requirements.lock pyproject.toml $(BIN)/python
	@echo "Installing Darkroom and its tests' tools in $(VENV) (a minute or two the first time) ..."
	$(call install,tests/requirements.lock)

$(LOCK_VENV)/uv.stamp: Makefile $(BIN)/python
	$(BIN)/python -m venv --clear $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install --quiet uv==$(UV_VERSION)
	@touch $@

$(BIN)/python:
	@old=; bare=; \
	for python in $(PYTHONS); do \
	  "$$python" -c '' 2>/dev/null || continue; \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old="$$python"; continue; }; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { bare="$$python"; continue; }; \
	  "$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
	  exit 0; \
	done; \
	if [ -n "$$bare" ]; then \
	  echo "$$bare cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	elif [ -n "$$old" ]; then \
	  echo "Darkroom needs Python 3.11 or later; $$old is `$$old --version 2>&1`. Install a newer one, or name it: make PYTHON=/path/to/python3" >&2; \
	else \
	  echo "No Python was found ($(PYTHONS)). Install Python 3.11 or later, or name it: make PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1
