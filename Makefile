# Two commands on a fresh machine with Python 3.11 and make: `make report` and `make test`.
PYTHON ?= python3.11
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: report test test-slow check environment clean

report: environment  ## the miniature, from nothing to results/report.md
	$(BIN)/snakemake --cores $(CORES) results/report.md

test: environment  ## what CI runs
	$(BIN)/pytest -m "not slow"

test-slow: environment  ## the rest
	$(BIN)/pytest -m slow

check: environment  ## formatting and lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

environment: $(VENV)/.complete

# torch first and on its own, so that a machine which offers a CPU wheel takes that; Python 3.11's own pip cannot resolve the set.
$(VENV)/.complete: envs/requirements.txt envs/requirements-test.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' envs/requirements.txt)
	$(BIN)/python -m pip install --quiet -r envs/requirements.txt -r envs/requirements-test.txt
	touch $@

clean:  ## results and work, not the environment
	rm -rf results work
