"""A small rendering: an animation of some faces, and pictures that no network draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.engine.data import Array
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.offline.animation import Animation, single_character_animation
from omote.engine.offline.pictures import Picture, PictureFolder, encode_png


@dataclass(frozen=True)
class Rendering:
    """The input of a writer, and the content of the picture files."""

    animation: Animation
    pictures: PictureFolder
    content: tuple[Picture, ...]


def faces(count: int) -> Array:
    """[n,67] faces that ARKit's weights can express: no two opposed weights, all of them 0 to 1."""
    random, rows = np.random.default_rng(8), []
    for _ in range(count):
        weights = random.uniform(0.0, 1.0, 52).astype(np.float32)
        gaze, turn = random.uniform(-0.3, 0.3, (2, 2)).astype(np.float32), random.uniform(-0.4, 0.4, 3)
        shift = random.uniform(-0.1, 0.1, 3)
        weights[15] = 0.0  # jawLeft is opposed to jawRight
        rows.append(from_weights(weights, gaze, turn.astype(np.float32), shift.astype(np.float32)).vector())
    return np.stack(rows).astype(np.float32)


def picture(index: int, size: int) -> Picture:
    """A disc that moves, soft at its edge; transparent pixels have a colour too."""
    y, x = np.indices((size, size))
    distance = np.hypot(x - size / 2 - index % 5, y - size / 2)
    alpha = np.clip((size / 3 - distance) / 3, 0.0, 1.0) * 255
    return np.dstack([200 - y, 40 + x, 90 + (3 * index) % 100 + 0 * x, alpha]).round().astype(np.uint8)


@pytest.fixture
def small_rendering(tmp_path: Path) -> Callable[..., Rendering]:
    """Makes a rendering of `count` pictures at `fps`, with `size` pixels on a side."""

    def make(count: int = 5, fps: Fraction = Fraction(30), size: int = 24) -> Rendering:
        folder = tmp_path / "pictures"
        folder.mkdir()
        pictures = PictureFolder(folder, count)
        content = tuple(picture(index, size) for index in range(count))
        for index, one in enumerate(content):
            pictures.path(index).write_bytes(encode_png(one))
        return Rendering(single_character_animation(fps, faces(count), studio_light(), "hana"), pictures, content)

    return make
