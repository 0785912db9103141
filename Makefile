PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: run test test-all check lint clean

run: $(VENV)/run
	$(BIN)/python run.py train

test: $(VENV)/test
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-all: $(VENV)/test
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy rules/contract.py rules/modulators/contract.py models/neurons/contract.py models/specification.py models/architectures/contract.py models/engine/protocol.py envs/bridge/encoders/contract.py envs/bridge/decoders/contract.py

check: lint test

$(VENV)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/run: requirements.txt | $(VENV)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/test: requirements.txt requirements-test.txt | $(VENV)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-test.txt
	touch $@ $(VENV)/run

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
