"""Characters without photos: a shaded head, painted in code."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.face.correspondence import Viewer
from omote.engine.face.light import studio_light
from omote.engine.nouns import SHAPE_SIZE, Character, FlameParams, Reference

_SIDE = 256
_TONES = ((210, 160, 130), (120, 90, 200), (90, 170, 110))


def painted_character(
    name: str = "mika",
    tone: int = 0,
    faces: Sequence[FlameParams] = (),
    head: str = "open",
    side: int = _SIDE,
) -> Character:
    """A head of one tone, shaded by its normals, at rest and with each of these faces besides."""
    shape = np.zeros(SHAPE_SIZE, np.float32)
    all_faces = (FlameParams.neutral(), *faces)
    blank = Reference(np.zeros((side, side, 4), np.uint8), all_faces[0], studio_light(), "painted")
    unpainted = Character(name, head, shape, (blank,), "CC0-1.0", "painted in code")  # type: ignore[arg-type]
    posed = unpainted.posed_by()
    viewer = Viewer(posed.shaped(shape), posed)
    references = tuple(
        Reference(_painted(viewer, face, _TONES[tone], side), face, studio_light(), "painted") for face in all_faces
    )
    return Character(name, unpainted.head, shape, references, "CC0-1.0", "painted in code")


def _painted(viewer: Viewer, face: FlameParams, tone: tuple[int, int, int], side: int) -> NDArray[np.uint8]:
    geometry = viewer.view(face).geometry
    normal, covered, eye, mouth = geometry[3:6], geometry[6], geometry[7], geometry[8]
    shade = np.clip(0.35 + 0.65 * normal[2] + 0.2 * normal[0], 0.0, 1.2)
    rgb = shade[..., None] * np.array(tone, np.float32)
    rgb += eye[..., None] * 60.0 - mouth[..., None] * 50.0
    rgba = np.concatenate([np.clip(rgb, 0.0, 255.0) * covered[..., None], 255.0 * covered[..., None]], 2)
    large = cv2.resize(rgba.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    alpha = np.maximum(large[..., 3:], 1.0) / 255.0
    large[..., :3] = np.clip(large[..., :3] / alpha, 0.0, 255.0)
    return np.asarray(np.round(large), np.uint8)
