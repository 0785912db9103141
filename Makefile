PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
BUDGET ?= 100
REPEATS ?= 7
MEASURE = --budget $(BUDGET) --repeats $(REPEATS) --json benchmarks/results
FOLDERS := agents analysis envs experiments models rules

.PHONY: run test test-all test-deep check lint types mutate prove benchmarks by-id reliability clean

run: $(VENV)/run
	$(BIN)/python run.py train

test: $(VENV)/test
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-all: $(VENV)/test
	$(BIN)/python -m pytest -n $(WORKERS)

# Training by gradients. The build of torch for CPUs, where its index can be reached, is a tenth of the other.
CPU_TORCH := https://download.pytorch.org/whl/cpu
DEEP_TESTS := tests/models/differentiable tests/agents tests/experiments/gallery

test-deep: $(VENV)/test
	@$(MAKE) -s $(VENV)/deep || true
	@if $(BIN)/python -c "import torch" 2>/dev/null; then \
		$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" $(DEEP_TESTS); \
	else echo "test-deep: skipped, torch cannot be installed here"; fi

lint: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# Type checkers do not follow the package to the folders beside it: links lay it out as installed.
types: $(VENV)/test
	rm -rf .types
	mkdir -p .types/threefactor
	cd .types && ln -s ../tests ../run.py ../benchmarks/*.py ../examples/*.py .
	cd .types/threefactor && ln -s ../../threefactor/*.* $(addprefix ../../,$(FOLDERS)) .
	$(BIN)/mypy

check: lint types test

# Are the tests able to fail? Takes a while: see docs/mutation.md.
mutate: $(VENV)/mutate
	$(BIN)/python -m tests.mutation --workers $(WORKERS)
	$(BIN)/python -m tests.mutation.report

# Every claim with its controls, on all cores: a day. What is finished is not run again.
prove: $(VENV)/run
	$(BIN)/python run.py reproduce --all --keep --workers $(WORKERS)

# On an idle machine; ANNARCHY_PYTHON and NEST_PYTHON name the Python of other simulators.
benchmarks: $(VENV)/test
	$(BIN)/python benchmarks/closed_loop.py $(MEASURE)/closed_loop.json
	$(BIN)/python benchmarks/decision.py $(MEASURE)/decision.json
	$(BIN)/python benchmarks/scaling.py $(MEASURE)/scaling.json
	$(BIN)/python benchmarks/workers.py $(MEASURE)/workers.json
	$(BIN)/python benchmarks/training.py $(MEASURE)/training.json
	$(BIN)/python benchmarks/learning_step.py $(MEASURE)/learning_step.json
	$(BIN)/python benchmarks/sweep.py --repeats 3 --json benchmarks/results/sweep.json
	$(BIN)/python benchmarks/performance_page.py

# Standard environments by their ids alone: hours; makes docs/by_id.md.
by-id: $(VENV)/test
	$(BIN)/python benchmarks/by_id.py

# Kills, signals, full disks, second writers, damaged files: makes docs/reliability.md.
reliability: $(VENV)/test
	$(BIN)/python benchmarks/reliability.py

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

$(VENV)/deep: requirements-deep.txt | $(VENV)/test
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --disable-pip-version-check -q --retries 1 "torch>=2.8,<3" --index-url $(CPU_TORCH) || true
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-deep.txt
	touch $@

$(VENV)/mutate: requirements.txt requirements-test.txt requirements-mutate.txt | $(VENV)/test
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-mutate.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .types build dist threefactor.egg-info .mutation
