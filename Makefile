# `make demo` and `make test` set everything up themselves: Python >= 3.11, make and a C++ compiler are enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo check test test-oldest docs curves install clean

demo: $(VENV)/installed
	$(BIN)/neurofa run digits

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# With the oldest versions of other packages that are allowed, in an environment of its own; TESTS says which files.
TESTS ?=
test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest --numprocesses auto --dist worksteal $(TESTS)

.venv-oldest/installed: pyproject.toml setup.py tests/oldest.py
	$(PYTHON) tests/oldest.py > .venv-oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv-oldest.txt --editable '.[test]'
	@touch $@

# Format, what a linter finds, types, who imports whom, and every test that takes a moment: in a minute.
check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses auto --fast

# The site, with its tutorials run, in docs/_build/html.
docs: $(VENV)/installed
	$(BIN)/python -m sphinx -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html

# How all rules learn the digits, for their pages: experiments/curves/digits.csv. About 20 minutes.
curves: $(VENV)/installed
	$(BIN)/python docs/_extensions/learning_curves.py

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "neurofa needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) .venv-oldest .venv-oldest.txt build *.egg-info docs/_build docs/generated
