# Every command of the house. `make` alone lists them. Nothing is installed outside .venv.

# the newest Python that granum is tested with; another one: make test PYTHON=/path/to/python
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
DEMO := demo_out
APP_DEMO := app_demo
# what the page of the app is built from
WEB := $(wildcard web/*.json web/*.ts web/index.html web/.npmrc) $(shell find web/src -type f ! -name '*.test.*' 2>/dev/null)
WORKERS ?= 2
PYTHON313 ?= python3.13

.DEFAULT_GOAL := help
.PHONY: help demo test test-313 app check bench docs clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.granum ## install granum into .venv, measure simulated micrographs, say where the report is
	@rm -rf $(DEMO)
	@$(BIN)/granum demo -o $(DEMO)

test: $(VENV)/.test ## run all tests, those of the page first
	@failed=0; $(BIN)/python hatch_build.py test || failed=1; $(BIN)/python -m pytest -n $(WORKERS) || failed=1; exit $$failed

test-313: ## run all tests with Python 3.13, in a .venv of their own
	@$(MAKE) --no-print-directory test PYTHON=$(PYTHON313) VENV=.venv-313

app: $(VENV)/.granum ## the app in the browser, with the sample in app_demo/
	@$(BIN)/granum app $(APP_DEMO) --sample || [ $$? -eq 130 ] # Ctrl-C is how it ends

check: $(VENV)/.check ## formatting, lint, types, import rules, fast tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

bench: $(VENV)/.test ## accuracy and speed beside today's tools, short form, into bench_out/
	@$(BIN)/python benchmarks/accuracy/particles.py --quick
	@$(BIN)/python benchmarks/accuracy/scribbles.py --quick
	@$(BIN)/python benchmarks/accuracy/live_dead.py --quick
	@$(BIN)/python benchmarks/accuracy/viability.py --seeds 1
	@$(BIN)/python benchmarks/accuracy/live_dead_series.py --quick
	@$(BIN)/python benchmarks/accuracy/confluency.py labelled
	@$(BIN)/python benchmarks/accuracy/two_stain_plate.py
	@$(BIN)/python benchmarks/speed/particles.py --quick
	@$(BIN)/python benchmarks/speed/live_dead.py --quick
	@$(BIN)/python benchmarks/speed/preview.py --kinds discs --moves 5
	@$(BIN)/python benchmarks/speed/app.py --quick

docs: $(VENV)/.docs ## build the documentation; any warning is an error
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Documentation: docs/_build/html/index.html"

clean: ## remove what was made, .venv too
	rm -rf .venv .venv-313 $(DEMO) $(APP_DEMO) bench_out src/granum/app/static web/node_modules build dist docs/_build docs/_made .hypothesis .pytest_cache .mypy_cache \
		.ruff_cache .import_linter_cache
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says which packages are in the environment; a second run does nothing until pyproject.toml changes. The page
# of the app is built by the installation, so the first stamp also waits for changes in web/.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "granum needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv); or: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON); the first time takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade pip

$(VENV)/.granum: pyproject.toml hatch_build.py $(WEB) | $(BIN)/python
	@$(PIP) -e .
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.granum
	@$(PIP) -e . --group test
	@touch $@

$(VENV)/.check: pyproject.toml | $(VENV)/.test
	@$(PIP) -e . --group test --group check
	@touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/.granum
	@$(PIP) -e . --group docs
	@touch $@
