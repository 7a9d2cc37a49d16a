"""A synthetic head in FLAME's layout, registered once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from omote.calibration.flame_file import FlameFile, read_flame
from omote.calibration.registration import Registration, open_face, register

from .flame_like import FlameLike, flame_like
from .flame_pickles import as_published, pickled


@pytest.fixture(scope="session")
def truth() -> FlameLike:
    """Another person than the mean of our head, so that there is something to lay on something."""
    return flame_like(seed=4, other=0.7)


@pytest.fixture(scope="session")
def flame_path(truth: FlameLike, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that a user would bring."""
    path = tmp_path_factory.mktemp("flame") / "generic_model.pkl"
    path.write_bytes(pickled(as_published(truth.arrays)))
    return path


@pytest.fixture(scope="session")
def flame(flame_path: Path) -> FlameFile:
    return read_flame(flame_path)


@pytest.fixture(scope="session")
def registration(flame: FlameFile) -> Registration:
    return register(open_face(), flame)
