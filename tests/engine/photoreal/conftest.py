"""Lets tests import what lies beside others by the path from the root: `tests.engine.arc2face.published`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
