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
	@command -v $(PYTHON) >/dev/null || { echo "Tidegate needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
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
