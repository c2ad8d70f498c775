# Everything runs inside .venv, which the first target builds from the hashed lock files.
PYTHON ?= python3
BIN := .venv/bin
ROOMS := schemas components models pipeline

.PHONY: help demo test check format lock clean
help:           ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 12

# `touch` comes last, so an interrupted installation starts again.
.venv/.installed: requirements/lock.txt requirements/demo.txt requirements/uv.txt setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "modelmill needs Python 3.11 to 3.13, but '$(PYTHON)' is not one. Name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/demo.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/.installed ## train, judge and publish a topic classifier on BBC News (real data, CPU, minutes)
	$(BIN)/modelmill run scenarios/bbc_news.yaml

test: .venv/.installed ## lint, types, import contracts and every test
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest -m ""

check: .venv/.installed ## what to run before a commit: about a minute
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest -m "not slow and not large"

.PHONY: lint
lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(ROOMS)
	$(BIN)/lint-imports

format: .venv/.installed ## let ruff rewrite the code
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: .venv/.installed ## resolve the lock files anew from setup.cfg
	$(BIN)/uv pip compile setup.cfg --universal --python-version 3.11 --extra dev --generate-hashes --no-header -q -o requirements/lock.txt

clean:          ## remove the environment; artifacts in .modelmill stay
	rm -rf .venv
