"""Likeness: how far a face recogniser sees a drawn portrait from the photo that its character was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from omote.engine.capture.photo import Finder, Photo
from omote.engine.model.character import Character
from omote.engine.model.photos import references_of

from .drawing import Draw, Pose
from .metrics import Rgb, over_grey

FACES: dict[str, Pose] = {
    "rest": Pose.of({}),
    "smile": Pose.of({"mouthSmile": 0.9, "cheekSquint": 0.5}),
    "brows up": Pose.of({"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.5}),
    "jaw open": Pose.of({"jawOpen": 0.7}),
    "20 degrees": Pose.of({}, yaw_deg=20.0),
}
# MediaPipe's points where dlib's five are: corners of the subject's left eye, outer first, of the right one, and the
# nose's base.
FIVE = (263, 362, 33, 133, 2)
CURE = "pip install 'omote[evaluate]'"
_FILE = Path("models") / "dlib_face_recognition_resnet_model_v1.dat"


class RecognizerError(Exception):
    """The recogniser is missing; the message says what to install."""


class Recognizer(Protocol):
    """Tells faces apart."""

    def embed(self, rgb: Rgb, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """[D] numbers of the face whose MediaPipe points [478,2] in pixels are given."""
        ...


class DlibRecognizer:
    """dlib's network (CC0), loaded when constructed; RecognizerError where it or dlib is not installed.

    Pictures of one person are mostly nearer than 0.6.
    """

    def __init__(self) -> None:
        if find_spec("dlib") is None:
            raise RecognizerError(f"dlib is not installed: {CURE}")
        import dlib

        self._dlib: Any = dlib
        self._network = dlib.face_recognition_model_v1(str(_network_file()))

    def embed(self, rgb: Rgb, points: NDArray[np.floating]) -> NDArray[np.float64]:
        dlib = self._dlib
        five = [dlib.point(round(float(x)), round(float(y))) for x, y in points[list(FIVE), :2]]
        height, width = rgb.shape[:2]
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, width, height), five)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(rgb), shape))


def _network_file() -> Path:
    """Found without importing its package, whose code needs a part of setuptools that is gone."""
    spec = find_spec("face_recognition_models")
    path = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise RecognizerError(f"{_FILE.name} is not installed: {CURE}")
    return path


@dataclass(frozen=True)
class Likeness:
    """Distances from one photo to its character's pictures in the order of `FACES`; NaN where no face is found."""

    photo: str
    drawn: tuple[float, ...]
    copied: tuple[float, ...]  # of the photo moved by the head with no network

    @property
    def drawn_mean(self) -> float:
        """Over the pictures in which a face is found."""
        return _mean(self.drawn)

    @property
    def copied_mean(self) -> float:
        return _mean(self.copied)


def _mean(distances: Sequence[float]) -> float:
    known = [distance for distance in distances if np.isfinite(distance)]
    return float(np.mean(known)) if known else float("nan")


def likeness(photo: Photo, draw: Draw, copy: Draw | None, finder: Finder, recognizer: Recognizer) -> Likeness:
    """How far each of the faces is from the photo; `copy` is None where nothing is copied."""
    wanted = recognizer.embed(photo.picture, photo.reading.points)
    rows = []
    for by in (draw, copy):
        if by is None:
            rows.append((float("nan"),) * len(FACES))
            continue
        pictures = [over_grey(by(pose)) for pose in FACES.values()]
        rows.append(tuple(_distance(wanted, picture, finder, recognizer) for picture in pictures))
    return Likeness(photo.name, *rows)


def _distance(wanted: NDArray[np.float64], picture: Rgb, finder: Finder, recognizer: Recognizer) -> float:
    faces = finder.faces(picture)
    if not faces:
        return float("nan")
    largest = max(faces, key=lambda face: face.size_px)
    return float(np.linalg.norm(recognizer.embed(picture, largest.points) - wanted))


def photo_character(photos: Sequence[Photo]) -> Character:
    """The character that a user would make of photos of one person."""
    found = references_of(photos)
    references = tuple(one.reference() for one in found.references)
    return Character(photos[0].name[:64], "open", found.shape, references, "private", "photos")
