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

# Coverage of bot, adapters and workers, their child processes included, is printed at the end.
test: env
	@$(BIN)/coverage erase
	@status=0; $(BIN)/coverage run -m pytest -n 2 --dist loadfile || status=$$?; \
	$(BIN)/coverage combine --quiet && $(BIN)/coverage report; exit $$status

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# requirements.lock has everything, for `make env`; requirements-run.lock what the image needs, in the same versions.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
  --python-version 3.11 --custom-compile-command 'make lock' pyproject.toml
lock:
	$(COMPILE) --all-extras -o requirements.lock
	$(COMPILE) --constraints requirements.lock --no-annotate -o requirements-run.lock
