"""What the tests of the Unreal plugin share: its core, built once without and once with sanitizers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from ..bridge.probe import Command
from ..conftest import BuiltOnce
from . import builds


@pytest.fixture(scope="session")
def plain(built_once: BuiltOnce) -> Path:
    """A folder with the probe and the core's tests."""
    _skip_without_tools()
    return built_once("unreal_plain", partial(builds.build, options=builds.PLAIN))


@pytest.fixture(scope="session")
def sanitized(built_once: BuiltOnce) -> Path:
    """A folder with the tests of the core and of the Unreal layer."""
    _skip_without_tools()
    return built_once("unreal_sanitized", partial(builds.build, options=builds.SANITIZED))


@pytest.fixture(scope="session")
def probe(plain: Path) -> Command:
    """The receiver on the command line."""
    return (str(plain / "probe"),)


def _skip_without_tools() -> None:
    missing = builds.missing()
    if missing:
        pytest.skip(f"not installed here: {missing}")
