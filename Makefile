# The interface for people. `make help` lists the targets; nothing here needs root or a container engine.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SCENARIO ?= viral
PROFILE ?= api
.DEFAULT_GOAL := help

.PHONY: help run demo infra test lint bench loadtest cluster images generate lock clean format

help: ## List what can be made
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Each environment is stamped with the lock that it was installed from, so that a changed lock reinstalls it.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reelplane needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the platform into $(VENV) (pinned and hashed: requirements/run.txt)"
	@$(PIP) install --require-hashes -r requirements/build.txt
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "installing the development tools into $(VENV) (requirements/dev.txt)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/extractor/.installed: requirements/extractor.txt | $(VENV)/bin/python
	@echo "installing the extractor into $(VENV)/extractor (requirements/extractor.txt)"
	@rm -rf $(VENV)/extractor $(VENV)/extractor.new
	@$(PIP) install --require-hashes --target $(VENV)/extractor.new -r requirements/extractor.txt
	@mv $(VENV)/extractor.new $(VENV)/extractor
	@touch $@

$(VENV)/checkov/.installed: requirements/checkov.txt | $(VENV)/bin/python
	@echo "installing checkov into an environment of its own, $(VENV)/checkov (requirements/checkov.txt)"
	@rm -rf $(VENV)/checkov
	@$(PYTHON) -m venv $(VENV)/checkov
	@$(VENV)/checkov/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/checkov.txt
	@touch $@

run: $(VENV)/.run $(VENV)/extractor/.installed ## Start the platform of samples/local.yaml on this machine
	@exec $(BIN)/reelplane up -f samples/local.yaml

demo: $(VENV)/.run $(VENV)/extractor/.installed ## Prove it: one download, 1,000 requests, three kills, a report
	@exec $(BIN)/python -m loadtests.demo

infra: $(VENV)/.dev $(VENV)/checkov/.installed ## Install reelplane-infra and what its checks need: docs/infra.md

test: $(VENV)/.dev $(VENV)/extractor/.installed $(VENV)/checkov/.installed ## Run every test that this machine can run; skips say why
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev ## Format, lint, types, direction of imports, stale generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m reelplane_crds.generate --check
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/python -m reelplane_operator.install --check
	@$(BIN)/python runbooks/dashboards/generate.py --check

bench: $(VENV)/.dev $(VENV)/extractor/.installed ## Measure beside baselines into build/bench.json (ONLY=name for one)
	@$(BIN)/python -m loadtests.bench $(if $(ONLY),--only $(ONLY))

loadtest: $(VENV)/.dev $(VENV)/extractor/.installed ## Load by SCENARIO=viral (others: see docs/loadtests.md), HOST=url for a remote one
	@$(BIN)/python -m loadtests.run --scenario $(SCENARIO) $(if $(HOST),--host $(HOST))

generate: $(VENV)/.dev ## Write the CRDs, the reference pages and the operator's install from their sources
	@$(BIN)/python -m reelplane_crds.generate
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m reelplane_operator.install
	@$(BIN)/python runbooks/dashboards/generate.py

cluster: $(VENV)/.dev ## A Kubernetes of your own until Ctrl-C (PROFILE=api|scale|node, REGIONS=n); builds it once
	@exec $(BIN)/python -m tests.testbed up --profile $(PROFILE) $(if $(REGIONS),--regions $(REGIONS))

images: $(VENV)/.dev ## Build the container images (ENGINE=docker|podman|buildah, ARGS=workloads for one)
	@PYTHON=$(BIN)/python bash images/build.sh $(ARGS)

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## Renew the pinned, hashed locks from pyproject.toml (needs uv)
	@bash requirements/lock.sh

clean: ## Remove the environment and what was built (running platforms keep their state in .reelplane)
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
