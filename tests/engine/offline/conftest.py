"""Tests may import modules beside them, as `tests.engine.offline.writers.videos`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
