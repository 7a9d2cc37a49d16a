"""Arc2Face's quality once, copied live: pictures that it draws become the references of an ordinary character."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..capture.photo import Photo, face_finder, single_face
from ..data import Array, Character, FlameParams
from ..face.fitting import FaceLandmarks
from ..face.light import studio_light
from ..images import PhotoError
from ..model.making import CLOSED_EYES, OPEN_MOUTH, REST, made_from_photos
from ..model.networks import Networks
from ..model.photos import MadeCharacter
from ..model.renderer import Renderer

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .processors import Bank

Picture = NDArray[np.uint8]

# One picture each. The first is the face at rest; a set of four is the most that one head is fitted to.
_SMILE = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4}
ANCHORS: dict[str, Array] = {
    **{anchor.name: anchor.weights for anchor in (REST, OPEN_MOUTH, CLOSED_EYES)},
    "smile": arkit.weights(_SMILE),
}


def draw_anchors(
    arc: Arc2Face, tokens: Array, noise: Array, bank: Bank | None, vector: Callable[[Array], Array], scale: float = 1.0
) -> dict[str, Picture]:
    """[S,S,3] each anchor in 25 guided steps from this noise [4,h,h]; `vector` is [55] of ARKit weights [52].

    The adapter turns no head, so all look ahead: turned views are the copying renderer's own.
    """
    vectors = np.stack([vector(weights) for weights in ANCHORS.values()])
    pictures = [arc.picture(arc.generate(tokens, one[None], noise[None], bank=bank, scale=scale))[0] for one in vectors]
    return dict(zip(ANCHORS, pictures, strict=True))


def read_face(what: str, picture: Picture, stand_in: FaceLandmarks) -> tuple[FaceLandmarks, str]:
    """The face in a drawn picture and ""; where the tracker finds none, `stand_in` and why."""
    try:
        with face_finder() as finder:
            return single_face(what, picture, finder), ""
    except PhotoError as error:
        return stand_in, str(error)


def character_of(
    name: str, pictures: dict[str, Picture], readings: Sequence[FaceLandmarks], consent: str
) -> MadeCharacter:
    """The ordinary character with these pictures as its references."""
    photos = [Photo(what, picture, seen) for (what, picture), seen in zip(pictures.items(), readings, strict=True)]
    return made_from_photos(name, photos, consent)


def drawn_live(character: Character, faces: Sequence[FlameParams], size: int) -> tuple[list[Picture], float]:
    """[S,S,3] these faces as `omote live` copies them, on grey, and the milliseconds of one."""
    renderer = Renderer(Networks())
    prepared = renderer.prepare(character)
    start = time.perf_counter()
    drawn = [renderer.draw(prepared, face, studio_light(), size, 1) for face in faces]
    took_ms = (time.perf_counter() - start) / len(faces) * 1000.0
    return [_on_grey(rgba) for rgba in drawn], took_ms


def _on_grey(rgba: Picture) -> Picture:
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.asarray(rgba[..., :3] * alpha + 128.0 * (1.0 - alpha), np.uint8)
