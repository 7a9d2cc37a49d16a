"""What tests of the real tracker need, each skipped with a reason where it is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.source import Picture
from omote.engine.data import Signal, Stamp

SHARED = Path(__file__).resolve().parents[3].parent / "shared"

Draw = Callable[[dict[str, float], tuple[float, float, float]], Picture]
Track = Callable[[Picture], Signal]


@pytest.fixture(scope="session")
def model() -> Path:
    """The tracker's model file, fetched as at first use."""
    try:
        return models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real clips, which are never committed."""
    if not (SHARED / "media").is_dir():
        pytest.skip("needs the clips in ../shared/media")
    return SHARED / "media"


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Draws one synthetic person with these weights and this head rotation, 256 pixels wide."""
    pytest.importorskip("numba", reason="the reference renderer needs numba")
    if not (SHARED / "kit").is_dir():
        pytest.skip("needs the face kit in ../shared/kit")
    from omote.engine.training.faces import figure, kit, light, person, render

    pack = kit.load(SHARED / "kit")
    who = figure.Figure(pack, person.sample_person(pack, seed=4))

    def drawn(weights: dict[str, float], head_rotation: tuple[float, float, float]) -> Picture:
        turn = np.array(head_rotation, np.float32)
        rgba = render.render(who, arkit.weights(weights), turn, light.studio(), 256, supersampling=1).rgba
        alpha = rgba[..., 3:] / 255.0
        blue_green_red = rgba[..., 2::-1] * alpha + 128.0 * (1.0 - alpha)
        return np.ascontiguousarray(blue_green_red.round().astype(np.uint8))

    return drawn


@pytest.fixture
def track(model: Path) -> Iterator[Track]:
    """Tracks a still picture until the tracker has settled on it, as if no picture had come before."""
    with Landmarker(model) as landmarker:
        index = 0

        def tracked(picture: Picture) -> Signal:
            nonlocal index
            blank = np.full_like(picture, 128)
            for shown in (blank, picture, picture, picture):
                index += 1
                signal = landmarker.track(shown, Stamp(index, index * 33_000_000, 0))
            return signal

        yield tracked


@pytest.fixture
def write_film(tmp_path: Path) -> Callable[..., Path]:
    """Writes ten pictures, each brighter than the one before by 20 of 255, ten to a second."""

    def write(name: str, codec: str = "mp4v", width: int = 64, height: int = 48) -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10.0, (width, height))
        assert writer.isOpened()
        for k in range(10):
            writer.write(np.full((height, width, 3), 20 + 20 * k, np.uint8))
        writer.release()
        return path

    return write


@pytest.fixture
def film(write_film: Callable[..., Path]) -> Path:
    return write_film("film.mp4")
