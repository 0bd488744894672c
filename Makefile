# Every target works on a fresh machine: the first one that needs it makes .venv from the hashed lock file.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-bench
PYTHON ?= python3
MINUTES ?= 10
PROVE ?= all
QUICK := tests/core tests/test_architecture.py tests/cli/test_command_line.py \
  tests/reliability/test_every_fault.py::test_one_hiccup_is_ridden_out \
  "tests/reliability/test_kill.py::test_killed_at_every_point[0]"

# Without bytecode each worker, and each process that a test starts, would compile the source and the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test quick fuzz prove check fmt generate generate-check pictures bench sandbox lock mutants
.PHONY: wheels lowest sbom image release-check

help:  ## what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q reconciler
	@touch $@

demo: $(VENV)/.ready  ## the main job, on a sandbox of 30 agents: validate, plan, apply, empty plan
	@$(BIN)/reconciler demo

test: $(VENV)/.ready  ## the suite, of the exhaustive part of it a part; the core's branch coverage must be 100 %
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

quick: $(VENV)/.ready  ## what proves most in a minute: core, laws, rooms, some commands, some faults and kills
	$(BIN)/python -m pytest -n auto -q --prove=part --hypothesis-profile=quick $(QUICK)

fuzz: $(VENV)/.ready  ## generated tests with fresh seeds, state machine included, for MINUTES=10
	$(BIN)/python -m tests.fuzz $(MINUTES)

prove: $(VENV)/.ready  ## every fault at every call, every kill, all planted bugs (PROVE=sample:SEED: a part, by the seed)
	$(BIN)/python -m tests.mutants --prove=$(PROVE)
	$(BIN)/python -m pytest -n auto -v -m exhaustive --prove=$(PROVE)

mutants: $(VENV)/.ready  ## plant bugs in a copy of the source, one by one (BUG=name: that one): the suite must catch each
	$(BIN)/python -m tests.mutants $(BUG)

check: $(VENV)/.ready generate-check  ## format, lint, types, and that generated files are fresh
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: $(VENV)/.ready  ## format the source and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/.ready  ## write what is derived from the field table
	$(BIN)/python -m reconciler.generate

generate-check: $(VENV)/.ready  ## fail when a generated file is stale
	$(BIN)/python -m reconciler.generate --check

pictures: $(VENV)/.ready  ## draw the pictures of README and docs/plan.md anew (needs Chromium)
	$(BIN)/python -m docs.pictures.make

$(PEERS)/.ready: benchmarks/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $@

bench: $(VENV)/.ready $(PEERS)/.ready  ## time plans beside floors and peers, some 10 minutes (BENCH=--write: renew the page)
	$(BIN)/python -m benchmarks $(BENCH)

sandbox: $(VENV)/.ready  ## a stand-in vendor with 30 agents on 127.0.0.1:8787
	$(BIN)/reconciler sandbox --agents 30

wheels: $(VENV)/.ready  ## the wheel alone, in a clean environment of each supported Python that is here, does the demo
	$(BIN)/python -m release.clean_install

lowest: $(VENV)/.ready  ## the same with the lowest allowed version of each dependency
	$(BIN)/python -m release.clean_install --lowest

sbom: $(VENV)/.ready  ## write dist/sbom.cdx.json: what the wheel and its extras install, in CycloneDX
	$(BIN)/python -m release.clean_install --sbom

image: $(VENV)/.ready  ## build the container image `reconciler` from the wheel (needs docker)
	rm -f dist/*.whl dist/*.tar.gz
	$(BIN)/python -m hatchling build -d dist
	docker build --tag reconciler .

release-check: $(VENV)/.ready  ## build dist/, and say what speaks against publishing it
	$(BIN)/python -m release.distributions

lock:  ## renew requirements.lock, -run.txt, -lowest.txt and benchmarks/requirements.txt (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --all-extras --group dev \
	  --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --all-extras \
	  --constraint requirements.lock --no-emit-index-url --no-header pyproject.toml -o requirements-run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --all-extras \
	  --resolution lowest-direct --no-emit-index-url --no-header pyproject.toml -o requirements-lowest.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --group bench \
	  --no-emit-index-url --no-header -o benchmarks/requirements.txt
