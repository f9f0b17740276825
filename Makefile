# Each target makes its own virtual environment, builds, installs and runs; nothing is needed before it but
# Python 3.10+ with pip, a C++17 compiler and a package index.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= test
SOURCES := pyproject.toml CMakeLists.txt $(shell find csrc rnnfast -type f -not -name '*.pyc')
INSTALLED := $(VENV)/.installed-$(EXTRAS)

.PHONY: demo test bench lint clean
demo: $(INSTALLED)
	$(VENV)/bin/rnnfast demo

test: $(INSTALLED)
	$(VENV)/bin/pytest

bench: $(INSTALLED)
	$(VENV)/bin/rnnfast bench --suite quick --report out

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/clang-format --dry-run --Werror $$(find csrc tests examples -name '*.cpp' -o -name '*.hpp' -o -name '*.cu' -o -name '*.cuh')

$(INSTALLED): $(SOURCES)
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf $(VENV) build dist out
