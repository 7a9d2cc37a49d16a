"""What the tests of the Unreal plugin share: its core, built once without and once with sanitizers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..bridge.probe import Command
from . import builds


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the probe and the core's tests."""
    _skip_without_tools()
    return builds.build(tmp_path_factory.mktemp("unreal_plain"), *builds.PLAIN)


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tests of the core and of the Unreal layer."""
    _skip_without_tools()
    return builds.build(tmp_path_factory.mktemp("unreal_sanitized"), *builds.SANITIZED)


@pytest.fixture(scope="session")
def probe(plain: Path) -> Command:
    """The receiver on the command line."""
    return (str(plain / "probe"),)


def _skip_without_tools() -> None:
    missing = builds.missing()
    if missing:
        pytest.skip(f"not installed here: {missing}")
