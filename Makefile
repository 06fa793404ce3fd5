# The project's few commands. Needs: make, Python 3.11 or newer, a package index. Without make: see CONTRIBUTING.md.
BIN := .venv/bin
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python3.14; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Tests at once: three for each core, since each of them waits for others most of the time; at most 8, since each has a
# Redis of its own and the end-to-end tests start four processes at a time.
JOBS ?= $(shell $(BIN)/python -c 'import os; print(min((os.cpu_count() or 2) * 3, 8))')
# The suite starts some two hundred Pythons: without compiled files each would compile the project and its tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: env demo test check bench bench-long chaos chaos-long picture lock

env: .venv/.ready

# uv where there is one (it brings a Python if need be), else pip alone: Debian's python3 may lack venv's ensurepip.
.venv/.ready: pyproject.toml requirements.lock
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python "$(or $(PYTHON),>=3.11)" .venv && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	elif [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11 or newer is needed; PYTHON=/path/to/python3 make says where one is" >&2; exit 1; \
	elif ! "$(PYTHON)" -m pip --version >/dev/null 2>&1; then \
	  echo "pip or uv is needed; on Debian: apt install python3-pip" >&2; exit 1; \
	else \
	  "$(PYTHON)" -m venv --without-pip .venv && \
	  "$(PYTHON)" -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements.lock && \
	  "$(PYTHON)" -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

demo: env
	@$(BIN)/switchboard demo

# Coverage of bot, adapters and workers is printed at the end; the processes of `up` and `demo` count. Not traced, since it
# makes them two to three times as slow: those that are killed all the time, and modules of tests that run the lines of
# others again. Files are begun in their order, which tests/conftest.py makes, and not by the number of their tests.
test: .venv/.compiled
	@$(BIN)/coverage erase
	@status=0; $(BIN)/coverage run -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder || status=$$?; \
	$(BIN)/coverage combine --quiet && $(BIN)/coverage report; exit $$status

# Once, in two halves: else each of the suite's processes would compile every library and every test, and make hypothesis's
# tables of all characters, which takes a minute of a busy machine.
.venv/.compiled: .venv/.ready
	@$(BIN)/python -c 'from hypothesis import strategies; strategies.text().validate()'
	@$(BIN)/pytest --collect-only -qq tests/unit >/dev/null & \
	$(BIN)/pytest --collect-only -qq tests/contract tests/e2e >/dev/null; wait
	@touch $@

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tables of docs/benchmarks.md, measured on this machine: some ten minutes, and a quarter of an hour for the long ones.
bench: env
	@$(BIN)/python -m tests.benchmarks
bench-long: env
	@$(BIN)/python -m tests.benchmarks long

# The proof by fault injection (docs/reliability.md, which gets the result): at most ten minutes, or some hours.
chaos: env
	$(BIN)/python -m tests.chaos

chaos-long: env
	$(BIN)/python -m tests.chaos --long

# The picture in README.md, taken of the running demo; needs chromium.
picture: env
	$(BIN)/python -m tests.e2e.take_picture docs/demo.png

# requirements.lock has everything, for `make env`; requirements-run.lock what the image needs and is built with, in the
# same versions.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
  --python-version 3.11 --custom-compile-command 'make lock' pyproject.toml
lock:
	$(COMPILE) --all-extras -o requirements.lock
	$(COMPILE) --extra build --constraints requirements.lock --no-annotate -o requirements-run.lock
