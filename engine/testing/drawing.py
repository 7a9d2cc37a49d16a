"""Fakes of drawing: a renderer without a network, characters painted in code, and networks with known pictures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import SHAPE_SIZE, AnyCharacter, Array, Character, FlameParams, Portrait, Reference, Stamp
from ..face.anime_head import head_of
from ..face.correspondence import Viewer
from ..face.head import JAW_OPEN_RAD
from ..face.light import studio_light
from ..model.character_file import DEFAULT_CHARACTER, load_character
from ..model.compositing import DrawnLayers
from ..model.networks import DENOISER_OUTPUTS, Encoded, Networks, denoiser_shapes
from ..model.portrait_renderer import FACE_ALONE, DrawCounts, DrawOptions
from ..runtime.session import Build, Feeds, Outputs


class FlatRenderer:
    """Draws one colour: red is how far the jaw is open, green how far the eyelids are closed, alpha the presence."""

    size, steps, runtime = 8, 1, "flat"

    def __init__(self) -> None:
        self.counts = DrawCounts()

    def check(self, character: AnyCharacter) -> None:
        """Every character can be drawn flat."""

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        self.counts = DrawCounts(drawn=self.counts.drawn + 1)
        levels = (float(params.jaw_pose[0]) / JAW_OPEN_RAD, float(params.eyelids.mean()), 0.0, options.presence)
        rgba = np.empty((self.size, self.size, 4), np.uint8)
        rgba[:] = np.round(np.clip(levels, 0.0, 1.0) * 255.0).astype(np.uint8)
        return Portrait(options.stamp or Stamp.now(), rgba, options.signal, params, options.presence, light)


@cache
def shipped_character(name: str = DEFAULT_CHARACTER) -> Character:
    """A shipped character, read once for all tests: its pictures take a fifth of a second."""
    return load_character(name)


_SIDE = 256
_TONES = ((210, 160, 130), (120, 90, 200), (90, 170, 110))


def painted_character(
    name: str = "mika",
    tone: int = 0,
    faces: Sequence[FlameParams] = (),
    head: str = "open",
    side: int = _SIDE,
) -> Character:
    """A head of one tone, shaded by its normals: a reference at rest, and one of each of these faces."""
    shape = np.zeros(SHAPE_SIZE, np.float32)
    all_faces = (FlameParams.neutral(), *faces)
    blank = Reference(np.zeros((side, side, 4), np.uint8), all_faces[0], studio_light(), "painted")
    unpainted = Character(name, head, shape, (blank,), "CC0-1.0", "painted in code")  # type: ignore[arg-type]
    posed = head_of(unpainted)
    viewer = Viewer(posed.shaped(shape), posed)
    references = tuple(
        Reference(_painted_picture(viewer, face, _TONES[tone], side), face, studio_light(), "painted")
        for face in all_faces
    )
    return Character(name, unpainted.head, shape, references, "CC0-1.0", "painted in code")


def _painted_picture(viewer: Viewer, face: FlameParams, tone: tuple[int, int, int], side: int) -> NDArray[np.uint8]:
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


_CELLS = 128


class CopyingSession:
    """Blends the references by how present they are, without light and paint."""

    name = "copying"

    def __init__(self) -> None:
        self.calls = 0

    def run(self, feeds: Feeds) -> Outputs:
        self.calls += 1
        present = feeds["present"][0]
        share = np.broadcast_to((present / present.sum())[:, None, None], (len(present), _CELLS, _CELLS))
        full, fine = (_CELLS, _CELLS), (2 * _CELLS, 2 * _CELLS)
        layers = DrawnLayers(
            share=np.ascontiguousarray(share, np.float32),
            place=np.ascontiguousarray(feeds["place"][0].transpose(0, 3, 1, 2)),
            gain=np.ones((3, *full), np.float32),
            shade=np.zeros((3, *full), np.float32),
            under=np.zeros((4, *full), np.float32),
            paint=np.zeros((4, *fine), np.float32),
            cut=np.full((3, *fine), -1.0, np.float32),
        )
        return {name: layer[None] for name, layer in zip(DENOISER_OUTPUTS, layers, strict=True)}


class CopyingNetworks(Networks):
    """`Networks` without files; `session.calls` counts the runs."""

    def __init__(self) -> None:
        self.build, self.session = Build(), CopyingSession()
        self._opening = threading.Lock()

    @property
    def name(self) -> str:
        return self.session.name

    def denoiser(self, count: int) -> CopyingSession:
        return self.session

    def encode(self, inputs: Feeds) -> Encoded:
        count = len(inputs["rgba"])
        shapes = denoiser_shapes(count)
        return Encoded(*(np.zeros(shapes[name][1:], np.float32) for name in Encoded._fields))
