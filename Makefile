# Two commands on a fresh machine with Python 3.11 and make: `make report` and `make test`.
PYTHON ?= python3.11
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: report test test-slow check environment clean

report: $(VENV)/.complete  ## the miniature, from nothing to results/report.md
	$(BIN)/snakemake --cores $(CORES) results/report.md

test: $(VENV)/.tests  ## what CI runs
	$(BIN)/pytest -m "not slow"

test-slow: $(VENV)/.tests  ## the rest
	$(BIN)/pytest -m slow

check: $(VENV)/.tests  ## formatting and lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

environment: $(VENV)/.complete $(VENV)/.tests

# torch first and on its own, so that a machine which offers a CPU wheel takes that; Python 3.11's own pip cannot resolve the set.
$(VENV)/.complete: envs/requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --disable-pip-version-check --upgrade pip
	$(PIP) install --quiet $$(grep '^torch==' envs/requirements.txt)
	$(PIP) install --quiet -r envs/requirements.txt
	touch $@

# vLLM's companions are built for another torch and break its import ("operator torchvision::nms does not exist").
$(VENV)/.tests: $(VENV)/.complete envs/requirements-test.txt envs/requirements-slurm.txt
	$(PIP) install --quiet -r envs/requirements.txt -r envs/requirements-test.txt
	$(PIP) install --quiet --no-deps -r envs/requirements-slurm.txt
	$(PIP) uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

clean:  ## results and work, not the environment
	rm -rf results work
