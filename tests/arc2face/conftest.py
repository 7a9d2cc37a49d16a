"""The small published folder; and tests may import what lies beside them, and what `make parity-photoreal` runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ..conftest import BuiltOnce

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), str(_ROOT / "benchmarks")]


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests write to a cache folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks are slower on several threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def published(built_once: BuiltOnce) -> Path:
    """Every published file, small and with random weights. Tests must not change it."""
    from tests.arc2face.published import write_published

    return built_once("published", write_published)


@pytest.fixture(scope="session")
def photo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the face finder in `models`, and `noah.png`: a shipped character, which shows no real person."""
    from PIL import Image

    from omote.engine import load_character, models

    home = tmp_path_factory.mktemp("studio")
    (home / "models").mkdir()
    try:
        shutil.copy(models.fetch(models.FACE_LANDMARKER), home / "models")
    except models.ModelError as error:
        pytest.skip(str(error))
    Image.fromarray(load_character("noah").references[0].rgba).save(home / "noah.png")
    return home


@pytest.fixture(scope="session")
def exported(built_once: BuiltOnce) -> Path:
    """The tiny networks, exported once, because it takes half a minute. Tests must not change the folder."""
    from omote.engine.arc2face.export import export
    from tests.arc2face import tiny

    return built_once("exported", lambda folder: export(tiny.arc(), tiny.RECIPE, folder))


@pytest.fixture(scope="session")
def furnished(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `home` makes it, once for all tests, which must not change it."""
    from tests.arc2face.home import furnish

    home = tmp_path_factory.mktemp("home")
    furnish(home, exported)
    return home
