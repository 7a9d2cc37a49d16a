"""What the tests of the Unreal plugin share: its core, built once without and once with sanitizers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from ..bridge.probe import Command
from . import builds


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the probe and the core's tests."""
    _skip_without_tools()
    return _built(tmp_path_factory, "unreal_plain", builds.PLAIN)


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tests of the core and of the Unreal layer."""
    _skip_without_tools()
    return _built(tmp_path_factory, "unreal_sanitized", builds.SANITIZED)


@pytest.fixture(scope="session")
def probe(plain: Path) -> Command:
    """The receiver on the command line."""
    return (str(plain / "probe"),)


def _built(factory: pytest.TempPathFactory, name: str, options: builds.Options) -> Path:
    """Built once, whichever of the processes that run tests side by side comes first."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "built").exists():
            builds.build(folder, *options)
            (folder / "built").touch()
    return folder


def _skip_without_tools() -> None:
    missing = builds.missing()
    if missing:
        pytest.skip(f"not installed here: {missing}")
