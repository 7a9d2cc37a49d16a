"""What the tests of the Unity package share: its probe, compiled once."""

from __future__ import annotations

import pytest

from ..bridge.probe import Command
from . import component_build, core_build


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The receiver on the command line, built from the real sources."""
    missing = component_build.missing_tool()
    if missing:
        pytest.skip(f"not installed here: {missing}")
    return ("mono", str(core_build.compile_probe(tmp_path_factory.mktemp("probe"))))
