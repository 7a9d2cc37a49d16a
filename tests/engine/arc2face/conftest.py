"""The small published folder; and tests may import what lies beside them, as `tests.engine.arc2face.published`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every published file, small and with random weights; nobody changes it."""
    from tests.engine.arc2face.published import write_published

    return write_published(tmp_path_factory.mktemp("published"))
