# Each target sets up what it needs, from a bare checkout: the virtual environment is .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format bench torture clean

demo: .venv/installed  ## run a legacy project, migrate it, run it again, compare
	$(BIN)/python examples/demo.py

test: .venv/installed  ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: .venv/installed  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed  ## mend style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed  ## digits accuracy, step times, speed of the codemod; takes minutes
	$(BIN)/python benchmarks/digits.py
	$(BIN)/python benchmarks/overhead.py

torture: .venv/installed  ## the long runs: 5,000 generated configs, every planted defect, every kill and fault
	$(BIN)/ann-equiv run --max-examples 5000
	$(BIN)/ann-equiv selftest
	ANN_MIGRATE_TORTURE=1 $(BIN)/python -m pytest tests/ann_migrate/test_write.py tests/ann_migrate/test_sweep.py \
		tests/ann_migrate/test_flow_random.py tests/ann_migrate/test_crossing_random.py \
		tests/ann_migrate/test_guide_programs.py
	$(BIN)/python tests/helpers/kill_and_resume.py --points 500

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version.split()[0] + " (choose another with: make PYTHON=python3.12 ...)")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
