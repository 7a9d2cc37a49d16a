"""Tests may import others' parts, as `tests.engine.offline.writing.films`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
