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
from .mediapipe import missing_library, without_chatter
from .source import SourceError

__all__ = [
    "LandmarkFinder",
    "MediaPipeFinder",
    "Photo",
    "PhotoError",
    "Rgb",
    "face_finder",
    "read_photos",
    "read_upload",
    "single_face",
]

SMALLEST_FACE_PX = 90
_BYSTANDER = 0.4  # a second face is the photo's subject too from this part of the largest one's size on
_SAME = 0.5  # two findings whose middles are nearer than this part of a face are one face
_ZOOMS = (1, 2, 4)  # the detector finds no head that is lower than about a fifth of what it is shown
_MOST = 4
_AROUND = 1.1  # the second look shows so many face sizes to each side of the face's middle


@dataclass(frozen=True)
class Photo:
    """One face and the picture that it is in."""

    name: str
    picture: Rgb
    reading: FaceLandmarks


class LandmarkFinder(Protocol):
    """Opened by `with`; finds the faces in one picture after another, none of which knows of the others."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def faces(self, picture: Rgb) -> tuple[FaceLandmarks, ...]:
        """All that are found, in no order."""
        ...


class MediaPipeFinder:
    """MediaPipe's FaceLandmarker on single pictures."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._task: Any = None

    def __enter__(self) -> Self:
        with without_chatter():
            self._task = _open_finder(self._model)
            self._task.detect(_mediapipe_image(np.zeros((64, 64, 3), np.uint8)))  # the graph and its chatter start here
        return self

    def __exit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.close()
            self._task = None

    def faces(self, picture: Rgb) -> tuple[FaceLandmarks, ...]:
        from .landmarker import rotation_vector
        from .mediapipe import weights_from_scores

        height, width = picture.shape[:2]
        found = self._task.detect(_mediapipe_image(picture))
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
    """The finder with its model file, fetched at first use; SourceError where that cannot be had."""
    try:
        return MediaPipeFinder(models.fetch(models.FACE_LANDMARKER))
    except models.ModelError as error:
        raise SourceError(str(error)) from error


def read_photos(paths: tuple[Path, ...], open_finder: Callable[[], LandmarkFinder] = face_finder) -> tuple[Photo, ...]:
    """Each of these photos with its one face; PhotoError names the first that will not do."""
    return _with_faces([(path.name, read_picture(path)) for path in paths], open_finder)


def read_upload(data: bytes, open_finder: Callable[[], LandmarkFinder] = face_finder) -> Photo:
    """The photo in the bytes of a PNG, JPEG or WebP file, which nobody vouches for; PhotoError where it will not do."""
    return _with_faces([(UPLOAD_NAME, uploaded_picture(data))], open_finder)[0]


def _with_faces(pictures: list[tuple[str, Rgb]], open_finder: Callable[[], LandmarkFinder]) -> tuple[Photo, ...]:
    with open_finder() as finder:
        return tuple(Photo(name, picture, single_face(name, picture, finder)) for name, picture in pictures)


def single_face(name: str, picture: Rgb, finder: LandmarkFinder) -> FaceLandmarks:
    """The one face that a picture is of; PhotoError where there is none, a second, or where it is too small."""
    found = _distinct(face for view in _windows(picture) for face in _landmarks_seen(view, picture, finder))
    if not found:
        found = _distinct(
            face for view in _windows(picture, _ZOOMS[-1]) for face in _landmarks_seen(view, picture, finder)
        )
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
    return _refined_landmarks(largest, picture, finder)


@dataclass(frozen=True)
class _PhotoWindow:
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def _windows(picture: Rgb, *zooms: int) -> Iterator[_PhotoWindow]:
    """The whole and its halves, or parts at the zooms that are asked for; each overlaps its neighbours by half."""
    height, width = picture.shape[:2]
    for zoom in zooms or _ZOOMS[:-1]:
        side = -(-max(height, width) // zoom)
        for top in _starts(height, side):
            for left in _starts(width, side):
                yield _PhotoWindow(left, top, min(left + side, width), min(top + side, height))


def _starts(length: int, side: int) -> list[int]:
    """Where windows of this side begin so that they cover the length and overlap by half."""
    if side >= length:
        return [0]
    count = -(-(length - side) * 2 // side) + 1
    return [round(k * (length - side) / (count - 1)) for k in range(count)]


def _landmarks_seen(view: _PhotoWindow, picture: Rgb, finder: LandmarkFinder) -> Iterator[FaceLandmarks]:
    part = np.ascontiguousarray(picture[view.top : view.bottom, view.left : view.right])
    corner = np.array([view.left, view.top], np.float32)
    for face in finder.faces(part):
        if np.isfinite(face.points).all() and face.size_px > 0.0:
            yield FaceLandmarks(face.points + corner, face.weights, face.rotation)


def _distinct(faces: Iterator[FaceLandmarks]) -> list[FaceLandmarks]:
    """The same face is found in several views; the first finding stands for all."""
    kept: list[FaceLandmarks] = []
    for face in faces:
        near = _SAME * face.size_px
        if all(np.linalg.norm(face.centre - other.centre) > max(near, _SAME * other.size_px) for other in kept):
            kept.append(face)
    return kept


def _refined_landmarks(face: FaceLandmarks, picture: Rgb, finder: LandmarkFinder) -> FaceLandmarks:
    """The same face seen close, where its points are found best; as it was where that shows none."""
    height, width = picture.shape[:2]
    reach = _AROUND * face.size_px
    (x, y), top_left = face.centre, np.maximum(face.centre - reach, 0.0).astype(int)
    view = _PhotoWindow(int(top_left[0]), int(top_left[1]), min(int(x + reach), width), min(int(y + reach), height))
    near = [
        one for one in _landmarks_seen(view, picture, finder) if np.linalg.norm(one.centre - face.centre) < reach / 2.0
    ]
    return max(near, key=lambda one: one.size_px, default=face)


def _open_finder(model: Path) -> Any:
    try:
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode

        return FaceLandmarker.create_from_options(
            FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(model)),
                running_mode=RunningMode.IMAGE,
                num_faces=_MOST,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
        )
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    except (RuntimeError, ValueError) as error:
        raise SourceError(f"the face finder cannot use {model}: {error}; delete it, and it is fetched again") from error


def _mediapipe_image(picture: Rgb) -> Any:
    from mediapipe import Image as MediaPipeImage
    from mediapipe import ImageFormat

    return MediaPipeImage(ImageFormat.SRGB, np.ascontiguousarray(picture))
