.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help
help: ## List every command
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

# -- set-up ---------------------------------------------------------------------------------------------------------

$(VENV)/installed: requirements.txt pyproject.toml
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Tidegate needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	@touch $@

.PHONY: install
install: $(VENV)/installed ## Create .venv with the pack and all it needs

.PHONY: requirements
requirements: ## Resolve and pin requirements*.txt from pyproject.toml
	$(PYTHON) -m venv .tidegate/uv && .tidegate/uv/bin/pip install --quiet uv
	$(COMPILE) --upgrade --all-extras --group dev --group team -o .tidegate/together.txt
	$(COMPILE) --upgrade -c .tidegate/together.txt --extra demo -o requirements.txt
	$(COMPILE) --upgrade -c .tidegate/together.txt --all-extras --group dev -o requirements-dev.txt
	$(COMPILE) --upgrade -c .tidegate/together.txt --extra postgres --extra mysql --group team -o requirements-team.txt
# All sets are resolved together first, so that no two of them pin different versions of one package.
COMPILE = .tidegate/uv/bin/uv pip compile pyproject.toml --quiet --python-version 3.11 --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command "make requirements"

# -- servers, tests, house rules ------------------------------------------------------------------------------------

.PHONY: servers
servers: ## Install what pip cannot bring: PostgreSQL, MariaDB, Redis, Chromium, docker-compose
	@PATH="$$PATH:/usr/sbin:/sbin"; missing=(); \
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql); \
	command -v mariadbd >/dev/null || missing+=(mariadb-server); \
	command -v redis-server >/dev/null || missing+=(redis-server); \
	command -v chromium >/dev/null || missing+=(chromium); \
	docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing+=(docker-compose); \
	if (( $${#missing[@]} == 0 )); then echo "servers: all there"; exit; fi; \
	if (( EUID == 0 )); then sudo=(); elif command -v sudo >/dev/null; then sudo=(sudo); else no_way=1; fi; \
	if [[ -n "$${no_way:-}" ]] || ! command -v apt-get >/dev/null; then \
		echo "Please install (Debian's names): $${missing[*]}" >&2; exit 1; fi; \
	policy=/usr/sbin/policy-rc.d; set -e; echo "servers: installing $${missing[*]}"; \
	if [[ ! -e $$policy ]]; then \
		printf '#!/bin/sh\nexit 101\n' | "$${sudo[@]}" install -m 755 /dev/stdin $$policy; \
		trap '"$${sudo[@]}" rm -f '$$policy EXIT; fi; \
	"$${sudo[@]}" apt-get update -qq; \
	"$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$${missing[@]}" >/dev/null
# The policy-rc.d file keeps the packages from starting services; it is put there only when there is none, and taken away.

PYTEST_ARGS ?=
PARALLEL = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# A file's tests share what they start, so a file is one worker's. The nights below are held against the clock, and have the machine to themselves.

.PHONY: test
test: $(VENV)/installed-dev ## Run the tests (PYTEST_ARGS="-k words" chooses)
	$(BIN)/pytest $(PARALLEL) $(PYTEST_ARGS)

.PHONY: test-slow
test-slow: $(VENV)/installed-dev ## Run the tests that take minutes: files read twenty times, nights played and then run
	$(BIN)/pytest -m slow $(PARALLEL) $(PYTEST_ARGS)

.PHONY: coverage-resilience
coverage-resilience: $(VENV)/installed-dev ## Hold the pure decisions to 100 % of their branches, by their own tests
	$(BIN)/pytest -q tests/resilience --cov=plugins/tidegate/resilience --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

.PHONY: mutants
mutants: $(VENV)/installed-dev ## Change the pure decisions one thing at a time, and hold their tests to notice (MUTANTS_ARGS="--module quorum")
	@$(BIN)/python -m bench.mutants $(MUTANTS_ARGS)

.PHONY: test-nights
test-nights: $(VENV)/installed-dev ## Run the bad nights: hangs, deadlines, breakers, catch-ups, kills, on real schedulers, against the clock
	$(BIN)/pytest -m nights $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/installed-dev ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/installed-dev ## Rewrite the Python files in the house style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# -- demo -----------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/installed ## Play three nights of a real retailer through a real Airflow and check every number
	@$(BIN)/python -m demo

.PHONY: demo-nights
demo-nights: $(VENV)/installed ## Play bad nights on a real scheduler and tell in a table what became of each (NIGHTS="hang spring" chooses)
	@$(BIN)/python -m demo.nights $(NIGHTS)

KILLS ?= 30
SEED ?= 1

.PHONY: soak
soak: $(VENV)/installed ## Kill parts of a real Airflow at random moments of many nights, and check that each ends right (KILLS=30 SEED=1)
	@$(BIN)/python -m demo.soak --kills $(KILLS) --seed $(SEED)

.PHONY: up
up: $(VENV)/installed ## Start Airflow with the UI and the demo's pipelines
	@$(BIN)/python -m demo.up

.PHONY: down
down: $(VENV)/installed ## Stop what `make up` started
	@$(BIN)/python -m demo.down

# -- documentation --------------------------------------------------------------------------------------------------

.PHONY: docs
docs: $(VENV)/installed ## Write the reference pages anew from the source
	@AIRFLOW_HOME=$(CURDIR)/.tidegate/docs $(BIN)/python -m tidegate.cli.reference docs/reference

# -- measurements ---------------------------------------------------------------------------------------------------

.PHONY: bench
bench: bench-parse ## Measure parsing, a task's start, and five million rows in flat memory
	@$(BIN)/python -m bench.flat_memory

.PHONY: bench-parse
bench-parse: $(VENV)/installed ## Measure parsing beside plain Python, dag-factory and Blueprint (BENCH_ARGS="--samples 9 --json FILE")
	@$(BIN)/python -m bench.parse $(BENCH_ARGS)

.PHONY: bench-data
bench-data: $(VENV)/installed ## Measure extracts and loads beside psql, pandas, connectorx, ADBC, dlt, Airflow (BENCH_ARGS="--rows 5000000 --only sqlite")
	@$(BIN)/python -m bench.data $(BENCH_ARGS)

.PHONY: bench-ranges
bench-ranges: $(VENV)/installed ## Measure a table read over 1, 2 and 4 connections, near and over a slow line (BENCH_ARGS="--megabytes 5")
	@$(BIN)/python -m bench.ranges $(BENCH_ARGS)

.PHONY: bench-gaps
bench-gaps: $(VENV)/installed ## Measure the list of 12,000 gaps, and the decision what of it is due
	@$(BIN)/python -m bench.gaps

.PHONY: bench-wide
bench-wide: $(VENV)/installed ## Measure 200 branches of one fan-out: parsing, storing, a night of them (BENCH_ARGS="--night 0" leaves the night out)
	@$(BIN)/python -m bench.wide $(BENCH_ARGS)
