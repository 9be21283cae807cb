# The whole workflow. Everything lives in .venv; language models and the like in the user's cache.
PYTHON ?= python3
DATA   ?= ../shared/data
SEEDS  ?= 100000
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check -qq --no-compile -c constraints.txt
DEMO   := python,local,search,speech,image
TESTS  := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
PULL   := $(BIN)/python -m agentkit models pull

# llama.cpp's threads would spin while they wait; on a busy machine that is slower by far.
export OMP_WAIT_POLICY ?= passive
# Where bytecode is not kept, each of the tests' processes compiles anew all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-models test-vision torture conformance check bench bench-models docs clean help .pull .pull-voice .pull-small

help:                   ## what there is to type
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 16

demo:                   ## set up, then run the example task from end to end
	@$(MAKE) --no-print-directory -j2 $(VENV)/.$(DEMO) .pull
	@mkdir -p demo && cd demo && $(BIN)/python ../examples/briefing.py

test:                   ## set up, then run the tests
	@$(MAKE) --no-print-directory -j2 $(VENV)/.test .pull-voice
	@$(TESTS) --ignore tests/local_model --ignore tests/vision --ignore docs/generative.md

test-models:            ## the tests in which a language model runs, whole tasks among them; minutes
	@$(MAKE) --no-print-directory -j2 $(VENV)/.test .pull-small
	@$(BIN)/python -m pytest tests/local_model

test-vision:            ## the tests of what runs on PyTorch: pictures, captions, the training of both
	@$(MAKE) --no-print-directory -j2 $(VENV)/.test .pull-voice
	@$(MAKE) --no-print-directory $(VENV)/.train
	@$(TESTS) tests/vision docs/generative.md

torture: $(VENV)/.test  ## the crash tests at full length, 100,000 seeds simulated, properties anew; hours
	@AGENTKIT_TORTURE=1 $(BIN)/python -m pytest -o faulthandler_timeout=0 -s tests/crash
	@$(BIN)/python -m pytest -o faulthandler_timeout=0 tests/crash/demo_kills.py
	@AGENTKIT_TORTURE=1 $(BIN)/python -m pytest -m hypothesis tests
	$(BIN)/python -m tests.testing.campaign $(SEEDS)

conformance: $(VENV)/.dev  ## with programs of others, from npm and PyPI: MCP's suite, servers, Inspector
	@$(BIN)/python -m pytest tests/conformance

check: $(VENV)/.dev $(VENV)/.train  ## lint, format, types (mypy and pyright), layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.test    ## every benchmark against its goals; DATA= a folder with the public data sets
	@set -e; for file in $$(grep -l __main__ benchmarks/*.py); do \
	  case $$file in */check.py|*/openapi.py) more="$(DATA)";; *) more="";; esac; \
	  echo "== $$file"; $(BIN)/python $$file $$more --check; done

MODEL_BENCHMARKS = clip diffusion captions batching speech answers index search
bench-models: $(VENV)/.test $(VENV)/.train  ## the benchmarks of the models alone; draws their data first
	@$(BIN)/python -m training.drawings
	@set -e; for file in $(wildcard $(MODEL_BENCHMARKS:%=benchmarks/%.py)); do \
	  echo "== $$file"; $(BIN)/python $$file --check; done

docs: $(VENV)/.test     ## write docs/cli.md anew from the command line's --help
	$(BIN)/python -m tests.house.cli_page

clean:                  ## remove the virtual environment and what was built; models stay
	rm -rf $(VENV) build dist demo *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "agentkit needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python's venv is missing. On Debian: apt install python3-venv"; exit 1; }
	@$(PIP) pip  # the one that Python brings may take twice as long for all that comes now

# Models come while the extras are installed; agentkit is read from here, and needs its core only.
.pull: $(VENV)/.core
	@$(PULL)

.pull-voice: .pull
	@$(PULL) hibari

.pull-small: .pull
	@$(PULL) qwen2.5-coder-0.5b

$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing agentkit into $(VENV) ..."
	@$(PIP) -e .
	@touch $@

# agentkit itself is there already, so that only what the extra needs is fetched.
$(VENV)/.%: $(VENV)/.core
	@echo "installing agentkit[$*] into $(VENV) ..."
	@$(PIP) 'agentkit[$*]'
	@touch $@
