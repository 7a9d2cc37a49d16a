"""Command line: `python -m omote.engine.training.anime --kit DIR sheet ...` for a look, `dataset` for training data."""

from __future__ import annotations
