# Two commands matter: `make demo` shows the main job, `make test` checks everything. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
KILLS ?= 200
INPUTS ?= 1000000

.PHONY: known-flaws messages screenshots faults fuzz audit bench conformance threats help demo serve test lint types unit browser format clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime ## A throw-away blog with a small simulated fediverse
	$(BIN)/fedblog demo

serve: $(VENV)/.runtime ## Run the blog of ./config.toml
	$(BIN)/fedblog serve

test: lint types unit known-flaws ## Lint, types and every test, browser tests included

lint: $(VENV)/.dev
	$(BIN)/ruff format --check fedblog tests benchmarks
	$(BIN)/ruff check fedblog tests benchmarks
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev browser
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -q

browser: ## Make sure that a Chromium for the browser tests is here
	@sh .ci/browser

conformance: $(VENV)/.dev ## Print the conformance table; fails on a row without a test
	$(BIN)/python -m tests.conformance

threats: $(VENV)/.dev ## Print the table of known attacks; fails on a row without a test
	$(BIN)/python -m tests.conformance threats

bench: $(VENV)/.dev ## Measure against the limits of this machine
	$(BIN)/python -m benchmarks

faults: $(VENV)/.dev ## Kill the blog 200 times under load and hold it to what it promised
	FEDBLOG_KILLS=$(KILLS) FEDBLOG_UPGRADE_STEP=1 FEDBLOG_FAULT_STEP=1 $(BIN)/pytest -q -s tests/faults tests/storage/test_upgrade.py

fuzz: $(VENV)/.dev ## Feed inbox and parsers what nobody would write
	$(BIN)/python -m tests.fuzz.run $(INPUTS) - $$(getconf _NPROCESSORS_ONLN)

messages: $(VENV)/.dev ## Collect the words of all pages for the translators
	$(BIN)/python -m tests.translations --update

screenshots: $(VENV)/.dev browser ## Take pictures of every page into docs/screenshots
	$(BIN)/python -m tests.screenshots

audit: $(VENV)/.dev ## Ask for known flaws in what is installed; needs the network
	$(BIN)/python .ci/audit $(BIN)/pip-audit --strict

# As a part of `make test`: a known flaw fails it, an index that can't be asked is only a warning.
known-flaws: $(VENV)/.dev
	@$(BIN)/python .ci/audit $(BIN)/pip-audit

format: $(VENV)/.dev ## Format and fix what can be fixed
	$(BIN)/ruff format fedblog tests
	$(BIN)/ruff check --fix fedblog tests

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("fedblog needs Python 3.11 or newer; try: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.runtime: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[speed]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --editable '.[speed,postgres]' --group dev
	@touch $@

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
