# Each target is one Python command, which runs as well where there is no make.
PYTHON ?= python3

.PHONY: setup check test bench live

setup:
	$(PYTHON) tools/setup.py

check:
	$(PYTHON) tools/check.py

test:
	$(PYTHON) tools/run.py -m pytest

bench:
	$(PYTHON) tools/run.py benchmarks/live.py

live:
	$(PYTHON) tools/run.py -m omote.studio.command live
