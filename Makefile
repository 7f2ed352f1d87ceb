# Federim's verbs. `make demo` and `make test` set everything up by themselves.
PYTHON ?= python3
BIN    := .venv/bin
STAMP  := .venv/.installed
DEMO   ?= demo

.DEFAULT_GOAL := help
.PHONY: help setup demo check format test integration integration-full bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv and install Federim into it (done by the others when needed)

# torch first and by its exact version: any other specifier may resolve to a CUDA build of several gigabytes.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Federim needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq --disable-pip-version-check --upgrade pip
	$(BIN)/pip install -qq --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install -qq --disable-pip-version-check -e '.[train,notebooks,cluster,postgresql,ner,dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## Three synthetic hospitals, from raw files to a verified export, in ./demo
	$(BIN)/federim demo --home $(DEMO)

check: $(STAMP)  ## Style, types and floors; changes no file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)  ## Rewrite the files as `make check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMP)  ## Everything PyPI alone can set up
	$(BIN)/pytest -n 2 --dist loadgroup -m 'not integration and not full'

integration: $(STAMP)  ## A smoke of each real service: PostgreSQL, Orthanc (installs Debian packages)
	tests/integration/install_services
	$(BIN)/pytest -m 'integration and not full'

integration-full: $(STAMP)  ## All of the above and what is long: kill loops, bigger runs, Spark
	tests/integration/install_services default-jre-headless
	$(BIN)/pip install -qq --disable-pip-version-check -e '.[spark]'
	$(BIN)/pytest -m 'integration or full'

bench: $(STAMP)  ## Speed, as ratios against a peer or a floor measured in the same run
	$(BIN)/python tests/benchmarks/bench.py

clean:  ## Remove .venv and caches; never a home
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
