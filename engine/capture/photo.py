"""A photo as the picture of one face, with the landmarks that MediaPipe finds in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from .. import models
from ..face.fitting import FaceLandmarks
from ..images import UPLOAD_NAME, PhotoError, Rgb, read_picture, uploaded_picture
from .mediapipe import mediapipe_image, open_landmarker, rotation_vector, weights_from_scores, without_notices
from .source import SourceError

SMALLEST_FACE_PX = 90
_BYSTANDER = 0.4  # a second face this share as large as the largest, or larger, is a subject of the photo as well
_SAME = 0.5  # two faces whose middles are nearer than this share of a face are the same
_ZOOMS = (1, 2, 4)  # the detector finds no head that is lower than about a fifth of the picture
_MOST_FACES = 4
_CLOSE_UP = 1.1  # face sizes that a close-up shows on each side of the middle of the face


@dataclass(frozen=True)
class Photo:
    """One face and the picture that it is in."""

    name: str
    picture: Rgb
    reading: FaceLandmarks


class LandmarkFinder(Protocol):
    """Opened by `with`; finds the faces in one picture after another, each independently."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def faces(self, picture: Rgb) -> tuple[FaceLandmarks, ...]:
        """All faces in the picture, in no order."""
        ...


class MediaPipeFinder:
    """MediaPipe's FaceLandmarker on single pictures."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._landmarker: Any = None

    def __enter__(self) -> Self:
        with without_notices():
            self._landmarker = open_landmarker(self._model, is_video=False, faces=_MOST_FACES)
            # The graph starts with its first picture, and writes notices, too.
            self._landmarker.detect(mediapipe_image(np.zeros((64, 64, 3), np.uint8)))
        return self

    def __exit__(self, *error: object) -> None:
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None

    def faces(self, picture: Rgb) -> tuple[FaceLandmarks, ...]:
        height, width = picture.shape[:2]
        found = self._landmarker.detect(mediapipe_image(picture))
        parts = zip(found.face_landmarks, found.face_blendshapes, found.facial_transformation_matrixes, strict=True)
        return tuple(
            FaceLandmarks(
                np.array([(p.x * width, p.y * height) for p in points], np.float32),
                weights_from_scores(scores),
                rotation_vector(np.asarray(matrix, np.float64)),
            )
            for points, scores, matrix in parts
        )


def face_finder() -> MediaPipeFinder:
    """The finder with its model file, which is fetched at first use; SourceError if that fails."""
    try:
        return MediaPipeFinder(models.fetch(models.FACE_LANDMARKER))
    except models.ModelError as error:
        raise SourceError(str(error)) from error


def read_photos(paths: tuple[Path, ...], open_finder: Callable[[], LandmarkFinder] = face_finder) -> tuple[Photo, ...]:
    """Each of these photos with its one face; PhotoError names the first that is unusable."""
    return _with_faces([(path.name, read_picture(path)) for path in paths], open_finder)


def read_upload(data: bytes, open_finder: Callable[[], LandmarkFinder] = face_finder) -> Photo:
    """The photo in the untrusted bytes of a PNG, JPEG or WebP file; PhotoError if it is unusable."""
    return _with_faces([(UPLOAD_NAME, uploaded_picture(data))], open_finder)[0]


def _with_faces(pictures: list[tuple[str, Rgb]], open_finder: Callable[[], LandmarkFinder]) -> tuple[Photo, ...]:
    with open_finder() as finder:
        return tuple(Photo(name, picture, single_face(name, picture, finder)) for name, picture in pictures)


def single_face(name: str, picture: Rgb, finder: LandmarkFinder) -> FaceLandmarks:
    """The one face in a picture; PhotoError if there is none or a second, or if it is too small."""
    found = _faces_in(_windows(picture, *_ZOOMS[:-1]), picture, finder)
    found = found or _faces_in(_windows(picture, _ZOOMS[-1]), picture, finder)
    if not found:
        raise PhotoError(f"no face was found in {name}: wanted a photo of one face, sharp, lit, seen from the front")
    largest = max(found, key=lambda face: face.size_px)
    subjects = [face for face in found if face.size_px >= _BYSTANDER * largest.size_px]
    if len(subjects) > 1:
        raise PhotoError(f"{len(subjects)} faces were found in {name}: cut the photo so that it shows one person")
    if largest.size_px < SMALLEST_FACE_PX:
        raise PhotoError(
            f"the face in {name} is {largest.size_px:.0f} pixels high, wanted {SMALLEST_FACE_PX} or more: "
            "take a photo from nearer, or a larger file"
        )
    return _seen_close(largest, picture, finder)


@dataclass(frozen=True)
class _Window:
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def _windows(picture: Rgb, *zooms: int) -> Iterator[_Window]:
    """Windows at these zooms that cover the picture; each overlaps its neighbours by half."""
    height, width = picture.shape[:2]
    for zoom in zooms:
        side = -(-max(height, width) // zoom)
        for top in _starts(height, side):
            for left in _starts(width, side):
                yield _Window(left, top, min(left + side, width), min(top + side, height))


def _starts(length: int, side: int) -> list[int]:
    """Where windows of this side begin so that they cover the length and overlap by half."""
    if side >= length:
        return [0]
    count = -(-(length - side) * 2 // side) + 1
    return [round(k * (length - side) / (count - 1)) for k in range(count)]


def _faces_in(windows: Iterator[_Window], picture: Rgb, finder: LandmarkFinder) -> list[FaceLandmarks]:
    """The distinct faces in these windows; of a face that several windows show, the first landmarks."""
    kept: list[FaceLandmarks] = []
    for window in windows:
        for face in _window_faces(window, picture, finder):
            near = _SAME * face.size_px
            if all(np.linalg.norm(face.centre - other.centre) > max(near, _SAME * other.size_px) for other in kept):
                kept.append(face)
    return kept


def _window_faces(window: _Window, picture: Rgb, finder: LandmarkFinder) -> Iterator[FaceLandmarks]:
    part = np.ascontiguousarray(picture[window.top : window.bottom, window.left : window.right])
    corner = np.array([window.left, window.top], np.float32)
    for face in finder.faces(part):
        if np.isfinite(face.points).all() and face.size_px > 0.0:
            yield FaceLandmarks(face.points + corner, face.weights, face.rotation)


def _seen_close(face: FaceLandmarks, picture: Rgb, finder: LandmarkFinder) -> FaceLandmarks:
    """The same face in a close-up, where its points are found best; unchanged if the close-up shows none."""
    height, width = picture.shape[:2]
    reach = _CLOSE_UP * face.size_px
    (x, y), top_left = face.centre, np.maximum(face.centre - reach, 0.0).astype(int)
    window = _Window(int(top_left[0]), int(top_left[1]), min(int(x + reach), width), min(int(y + reach), height))
    near = [
        one for one in _window_faces(window, picture, finder) if np.linalg.norm(one.centre - face.centre) < reach / 2.0
    ]
    return max(near, key=lambda one: one.size_px, default=face)
