# SPDX-License-Identifier: GPL-2.0-only
# Every target works as the first command on a fresh clone: it makes .venv,
# builds what changed, and says what is missing.

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin
REPORT := bench/report

SOURCES := $(shell find cref pykmm -name '*.[ch]' -o -name '*.def' -o -name '*.pyx' -o -name '*.pxd') \
	   cref/CFLAGS cref/CFLAGS.core setup.py pykmm/source/anchors.py pykmm/source/counting.py pykmm/source/operands.py

.PHONY: help build fuzz test deep bench sanitize compilers clean

help:
	@echo "make fuzz      fuzz the halves against each other for 30 seconds"
	@echo "make test      run the tests"
	@echo "make bench     time everything, count instructions (needs valgrind): bench/report"
	@echo "make sanitize  ten million cases and a million sequences under the sanitizers"
	@echo "make compilers everything by gcc and clang at three levels, compared (ten minutes)"
	@echo "make deep      every test, all mutants included (about half an hour)"
	@echo "make build     only build;  make clean  remove all that was made"

$(VENV)/ready: pyproject.toml tools/prerequisites.py
	@$(PYTHON) tools/prerequisites.py
	@$(PYTHON) -m venv $(VENV)
	@echo "installing what pykmm needs into $(VENV)"
	@$(RUN)/pip install --quiet --disable-pip-version-check "setuptools>=70.1" "cython>=3.1"
	@# compat: by a plain path, so that another copy on PYTHONPATH is never completed from here
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-build-isolation \
		--config-settings editable_mode=compat --editable ".[plots,test]"
	@touch $@

build/ready: $(VENV)/ready $(SOURCES)
	@$(RUN)/python -W ignore setup.py --quiet build_ext --inplace --parallel 2
	@touch $@

build: build/ready

fuzz: build
	@$(RUN)/pykmm fuzz

test: build
	@$(RUN)/pytest -n auto

deep: build
	@PYKMM_DEEP=1 $(RUN)/pytest -n auto

bench: build
	@mkdir -p $(REPORT)
	@$(RUN)/pykmm bench --seconds 60 --instructions --json $(REPORT)/bench.json --html $(REPORT)/index.html
	@$(RUN)/pykmm bench --seconds 30 --events --json $(REPORT)/events.json
	@$(RUN)/pytest bench/bench_replay.py
	@$(RUN)/python bench/phases.py
	@$(RUN)/python bench/growth.py --plots $(REPORT) --json $(REPORT)/growth.json
	@$(RUN)/python bench/instructions.py --json $(REPORT)/instructions.json

sanitize: build
	@$(RUN)/python tools/sanitize.py --cases 10000000 --sequences 1000000

compilers: build
	@$(RUN)/python tools/compilers.py

clean:
	rm -rf build $(VENV) pykmm/lib $(REPORT) *.egg-info .pytest_cache .hypothesis .benchmarks
	find pykmm -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
