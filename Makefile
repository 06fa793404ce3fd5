# The project's few commands. Needs: make, Python 3.11 or newer, a package index. Without make: see CONTRIBUTING.md.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: env demo test check lock

env: .venv/.ready

# uv where there is one, else pip alone: Debian's python3 may lack venv's ensurepip.
.venv/.ready: pyproject.toml requirements.lock
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv --without-pip .venv && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements.lock && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

demo: env
	$(BIN)/switchboard demo

test: env
	$(BIN)/python -m pytest

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --python-version 3.11 \
	  --custom-compile-command 'make lock' -o requirements.lock pyproject.toml
