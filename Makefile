# Each target is one Python command, which runs as well where there is no make.
PYTHON ?= python3

.PHONY: docs setup check test test-quick test-slow bench bench-bridge bench-offline gallery fuzz soak soak-game soak-users live train-gpu bench-gpu parity-photoreal test-photoreal-oldest

docs:
	$(PYTHON) tools/run.py tools/website.py

setup:
	$(PYTHON) tools/setup.py

check:
	$(PYTHON) tools/check.py

test:
	$(PYTHON) tools/run.py -m pytest

test-quick:
	$(PYTHON) tools/quick.py

# Those that are too slow for `check`.
test-slow:
	$(PYTHON) tools/run.py -m pytest -m slow

# ONLY names some of its parts: make bench ONLY=live,network
bench:
	$(PYTHON) tools/run.py benchmarks/suite.py $(if $(ONLY),--only $(ONLY))

bench-bridge:
	$(PYTHON) tools/run.py benchmarks/bridge.py

# About a quarter of an hour.
bench-offline:
	$(PYTHON) tools/run.py benchmarks/suite.py --only offline,offline_smoothness

# Draws docs/sheets and docs/gallery anew; characters of drawings with the kit (KIT, below).
gallery:
	$(PYTHON) tools/run.py tools/sheets.py
	$(PYTHON) tools/run.py tools/sheets.py --kit $(KIT)
	$(PYTHON) tools/run.py tools/gallery.py

fuzz:
	$(PYTHON) tools/run.py tools/fuzz.py --count 200000

soak:
	$(PYTHON) tools/run.py benchmarks/soak.py

soak-game:
	$(PYTHON) tools/run.py benchmarks/soak_game.py

soak-users:
	$(PYTHON) tools/run.py benchmarks/soak_users.py

live:
	$(PYTHON) tools/run.py -m omote.studio.cli.main live

# KIT names the face kit's folder. On a machine that has torch with CUDA already, run the commands with that Python.
KIT ?= ../shared/kit
train-gpu:
	$(PYTHON) tools/run.py -m omote.engine.training.gpu --kit $(KIT)

bench-gpu:
	$(PYTHON) tools/run.py benchmarks/gpu.py --save benchmarks/results/gpu.json

# SIZE=small takes minutes; full takes hours of two cores and 12 GB of disk while it runs, ARGS="--pixels 256" a fourth.
SIZE ?= full
parity-photoreal:
	$(PYTHON) tools/run.py benchmarks/photoreal_parity.py --size $(SIZE) $(ARGS)

# Tests photoreal characters with the oldest libraries that pyproject.toml allows, in an environment of its own.
test-photoreal-oldest:
	$(PYTHON) tools/oldest.py
