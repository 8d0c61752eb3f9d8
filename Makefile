.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
RUN := env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=.:plugins $(BIN)/python
UV := $(BIN)/uv
INSTALLED := .venv/.installed

##@ Every day
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Install everything into .venv, from the lock

demo: setup ## Create an agent from samples/ and ask it three questions (starts the stack)
	@$(RUN) -m local.demo

up: setup ## Start the embedded stack and wait until all of it is healthy
	@$(RUN) -m local.stack up

down: setup ## Stop the embedded stack; its data stays in var/
	@$(RUN) -m local.stack down

status: setup ## Show the state of every process
	@$(RUN) -m local.stack status

logs: setup ## Follow all logs
	@$(RUN) -m local.stack logs

token: setup ## Print a development token: make token USER=alice
	@$(RUN) -m local.stack token $(USER)

airflow: setup ## Run Airflow's command line: make airflow ARGS="dags list"
	@$(RUN) -m local.stack airflow $(call quoted,$(ARGS))

reset: down ## Stop the stack and delete its data
	rm -rf var

##@ Quality
test: setup ## Run all tests: unit, dags, integration, system
	@$(RUN) -m pytest

test-fast: setup ## Run the tests that need no running stack
	@$(RUN) -m pytest -m "not system"

check: setup ## Lint, format, types, layers, template: what CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=.:plugins $(BIN)/lint-imports
	$(BIN)/cfn-lint infra/template.yaml

chaos: setup ## Run everything under faults and kills, about an hour; prints docs/resilience.md's tables
	@$(RUN) -m pytest -m chaos --timeout 3600 tests/chaos

fuzz-api: setup ## Send more than 10,000 generated requests to the intake, against its OpenAPI file
	@FUZZ_EXAMPLES=450 $(RUN) -m pytest --timeout 3600 tests/integration/test_openapi.py

openapi: setup ## Write docs/openapi.json from the code
	@$(RUN) -m api.openapi_file > docs/openapi.json

dag-docs: setup ## Write docs/dags.md from the DAGs
	@AIRFLOW_HOME=$$(mktemp -d) AIRFLOW__CORE__LOAD_EXAMPLES=False \
	  AIRFLOW__CORE__PLUGINS_FOLDER=$(CURDIR)/plugins $(RUN) -m local.dag_docs docs/dags.md

format: setup ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure: creation, many at once, retrieval, uploads, updates, intake, trial, answers
	@$(RUN) -m benchmarks.creation
	@$(RUN) -m benchmarks.throughput
	@$(RUN) -m benchmarks.retrieval
	@$(RUN) -m benchmarks.uploads
	@$(RUN) -m benchmarks.updates
	@$(RUN) -m benchmarks.intake
	@$(RUN) -m benchmarks.trial
	@$(RUN) -m benchmarks.streams

packages: setup ## Build the packages of agents' bundles and upload them to CODE_BUCKET, once a release
	@$(RUN) -m include.runtime.dependencies

lock: setup ## Resolve requirements*.txt again into the two locks
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements.txt requirements-dev.txt -o requirements.lock
	$(UV) pip compile --quiet --python-platform aarch64-manylinux2014 --python-version 3.13 \
	  --only-binary :all: --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  include/runtime/requirements-agent.txt -c requirements.lock \
	  -o include/runtime/requirements-agent.lock

# -- private ----------------------------------------------------------------------------------
quoted = '$(subst ','\'',$(1))'

$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("Python 3.11 to 3.13 is needed, this is %d.%d; set PYTHON=..." % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@grep -A40 '^uv==' requirements.lock | awk 'NR > 1 && /^[a-z]/ {exit} {print}' > .venv/uv.txt
	@test -x $(UV) || $(BIN)/pip install --quiet --require-hashes -r .venv/uv.txt
	@env -u PYTHONDONTWRITEBYTECODE $(UV) pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements.lock
	@touch $@

.PHONY: help setup demo up down status logs token airflow reset test test-fast check chaos fuzz-api openapi dag-docs format bench packages lock
