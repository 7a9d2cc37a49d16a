"""MediaPipe's FaceLandmarker: the face in a camera's picture becomes a Signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import models
from ..data import Array, Signal, Stamp
from ..face.retarget import gaze_from_weights
from ..hardware import thread_plan
from .face_search import FaceBox, FaceDetector, PerformerSelector, SearchRegion, without_faces
from .mediapipe import (
    RIGID_LANDMARKS,
    fit_confidence,
    missing_library,
    stretched_weights,
    weights_from_scores,
    without_chatter,
)
from .source import Picture, SourceError, TrackedPicture, untracked

# The second picture without a face, and one in ten after it, is searched for far ones: that takes 30 ms.
FAR_FIRST, FAR_EVERY = 2, 10
# How often the others are counted while the performer is tracked, and somebody looks or the performer is like a poster.
COUNT_EVERY_S = 1.0
_DETECTOR = "face_detector.tflite"  # its name in the model file, which is an archive
_OUTLINE = (234, 454, 10, 152)  # MediaPipe's points at the sides of a face, on the brow and on the chin


def face_landmarker() -> Landmarker:
    """The tracker with its model file, fetched at first use; SourceError where that cannot be had."""
    try:
        return Landmarker(models.fetch(models.FACE_LANDMARKER))
    except models.ModelError as error:
        raise SourceError(str(error)) from error


@dataclass(frozen=True, eq=False)
class _Tracked:
    """What was seen in the last picture; its points are worked out when somebody asks for them."""

    picture: Picture
    view: SearchRegion
    landmarks: Sequence[Any]  # MediaPipe's, in shares of the view; () where there is no face
    signal: Signal
    others: int

    def sight(self) -> TrackedPicture:
        size = (self.view.width, self.view.height)
        shares = np.array([(one.x, one.y) for one in self.landmarks], np.float32).reshape(-1, 2)
        points = (shares * size + (self.view.left, self.view.top)).astype(np.float32)
        captured_ns = self.signal.stamp.captured_ns
        return TrackedPicture(self.picture, points, captured_ns, self.signal.confidence, self.others)


class Landmarker:
    """Tracks one face from picture to picture: the nearest, until it has left. `Performer` says more.

    While a face is tracked MediaPipe follows it and looks at no other. Where it has lost it, and at the start, all
    faces are found first, now and then also far ones, and all but the performer's are painted over.

    Left is the subject's left, in MediaPipe's names as in ARKit's, and its matrix has our axes: x right in the
    picture, y up, z to the camera, which stands at the origin. The translation is that of a face of average width
    before a camera that sees 63 degrees from top to bottom, so z (about -0.3 m for a face that fills the picture) is a
    proportion rather than a distance; through a narrower lens pitch and yaw are read too small, by a quarter at 20
    degrees.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._task: Any = None
        self._detector: Any = None
        self._finder = FaceDetector(self._detected)
        self._clock = _Milliseconds()
        self._performer = PerformerSelector()
        self._view: SearchRegion | None = None  # None: the whole picture
        self._misses = 0  # pictures in a row without the performer; at the start nobody has been looked for yet
        self._is_tracked = False
        self._others, self._counted_ns = 0, 0
        self._looked: _Tracked | None = None
        self._is_watched = False  # whether somebody asked for the sight since the others were counted

    def __enter__(self) -> Self:
        cv2.setNumThreads(thread_plan().opencv)
        with without_chatter():
            self._task, self._detector = _open_tracker(self._model)
            # The graphs start with their first picture, and so does their chatter.
            blank = np.zeros((64, 64, 3), np.uint8)
            self._task.detect_for_video(_mediapipe_image(blank), 0)
            self._detected(blank)
        self._clock = _Milliseconds()
        return self

    def __exit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.close()
            self._detector.close()
            self._task = self._detector = None

    @property
    def sight(self) -> TrackedPicture | None:
        """The last picture that was tracked, from any thread; None before the first."""
        self._is_watched = True
        return self._looked.sight() if self._looked else None

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        """What the performer's face in this picture does; confidence 0 where it is not found."""
        now_ns = stamp.captured_ns
        if self._looked is not None and self._looked.picture.shape != picture.shape:
            self._view, self._is_tracked = None, False
        shown = picture if self._is_tracked else self._searched(picture, now_ns)
        view = self._view or SearchRegion.whole(picture)
        found = self._task.detect_for_video(_mediapipe_image(view.cut(shown)), self._clock.at(now_ns))
        signal = _signal(found, stamp, view, picture)
        self._is_tracked = signal.is_tracked
        if signal.is_tracked:
            self._follow(_box(found.face_landmarks[0], view), picture, now_ns)
        landmarks = found.face_landmarks[0] if signal.is_tracked else ()
        self._looked = _Tracked(picture, view, landmarks, signal, self._others)
        return signal

    def _detected(self, picture: Picture) -> list[FaceBox]:
        """The faces that are near enough in this picture, in its own pixels; 3 ms."""
        boxes = (one.bounding_box for one in self._detector.detect(_mediapipe_image(picture)).detections)
        return [
            FaceBox(box.origin_x + box.width / 2, box.origin_y + box.height / 2, (box.width + box.height) / 2)
            for box in boxes
            if box.width > 0 and box.height > 0
        ]

    def _follow(self, face: FaceBox, picture: Picture, now_ns: int) -> None:
        self._misses = 0
        self._performer.seen(face, now_ns)
        if self._view and not self._view.shows_well(face, picture):
            self._view = _unless_whole(SearchRegion.around(face, picture), picture)
        is_lifeless = self._performer.is_lifeless(now_ns)
        if (self._is_watched or is_lifeless) and now_ns - self._counted_ns >= COUNT_EVERY_S * 1e9:
            self._is_watched, self._counted_ns = False, now_ns
            faces = self._finder.faces(picture, SearchRegion.whole(picture))
            others = [one for one in faces if math.hypot(one.x - face.x, one.y - face.y) > face.size / 2]
            self._others = len(others)
            if is_lifeless and self._performer.gives_way(others, now_ns):
                self._is_tracked = False  # so that the next picture is searched, and the poster painted over

    def _searched(self, picture: Picture, now_ns: int) -> Picture:
        """Decides where to look for the performer; the picture with everybody else painted over."""
        self._misses += 1
        whole = SearchRegion.whole(picture)
        faces: list[FaceBox] = []
        if self._view and self._performer.is_awaited(now_ns):
            faces = self._finder.faces(picture, self._view)
        faces = faces or self._finder.faces(picture, whole)
        if not faces and self._misses % FAR_EVERY == FAR_FIRST:
            faces = self._finder.far_faces(picture)
        performer = self._performer.choose(faces, now_ns)
        strangers = [face for face in faces if face is not performer]
        self._others = len(strangers)
        if performer is not None:
            self._view = _unless_whole(SearchRegion.around(performer, picture), picture)
        elif not self._performer.is_awaited(now_ns):
            self._view = None
        return without_faces(picture, strangers, performer)


def _unless_whole(view: SearchRegion, picture: Picture) -> SearchRegion | None:
    return None if view.is_whole(picture) else view


def _box(landmarks: Any, view: SearchRegion) -> FaceBox:
    """Where this face is, by its sides, brow and chin; about as large as the finder says it is."""
    right, left, top, bottom = (landmarks[number] for number in _OUTLINE)
    across = math.hypot((right.x - left.x) * view.width, (right.y - left.y) * view.height)
    down = math.hypot((top.x - bottom.x) * view.width, (top.y - bottom.y) * view.height)
    x = view.left + view.width * (right.x + left.x + top.x + bottom.x) / 4
    return FaceBox(x, view.top + view.height * (top.y + bottom.y) / 2, max(across, down, 1.0))


class _Milliseconds:
    """MediaPipe's clock: from 1 at the first picture, and each picture later than the one before."""

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._last = 0

    def at(self, captured_ns: int) -> int:
        if self._first_ns is None:
            self._first_ns = captured_ns
        self._last = max(1 + (captured_ns - self._first_ns) // 1_000_000, self._last + 1)
        return self._last


def _open_tracker(model: Path) -> tuple[Any, Any]:
    """MediaPipe's tracker, and the detector that its model file holds, by itself."""
    try:
        # Loads matplotlib and more: only when a face is to be tracked.
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import (
            FaceDetector,
            FaceDetectorOptions,
            FaceLandmarker,
            FaceLandmarkerOptions,
            RunningMode,
        )

        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=RunningMode.VIDEO,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        tracker = FaceLandmarker.create_from_options(options)
        with ZipFile(model) as archive:
            alone = BaseOptions(model_asset_buffer=archive.read(_DETECTOR))
        return tracker, FaceDetector.create_from_options(FaceDetectorOptions(base_options=alone))
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    except (RuntimeError, ValueError, KeyError, BadZipFile) as error:
        raise SourceError(
            f"the face tracker cannot use {model}: {error}; delete it, and it is fetched again"
        ) from error


def _mediapipe_image(picture: Picture) -> Any:
    """MediaPipe's image, red first."""
    from mediapipe import Image, ImageFormat

    return Image(ImageFormat.SRGB, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _signal(found: Any, stamp: Stamp, view: SearchRegion, picture: Picture) -> Signal:
    if not found.face_landmarks:
        return untracked(stamp)
    height, width = view.height, view.width
    landmarks = found.face_landmarks[0]
    points = np.array([(landmarks[number].x * width, landmarks[number].y * height) for number in RIGID_LANDMARKS])
    matrix = np.asarray(found.facial_transformation_matrixes[0], np.float64)
    if not (np.isfinite(points).all() and np.isfinite(matrix).all() and matrix[2, 3] < 0.0):
        return untracked(stamp)
    weights = stretched_weights(weights_from_scores(found.face_blendshapes[0]))
    return Signal(
        stamp=stamp,
        weights=weights,
        head_rotation=rotation_vector(matrix),
        head_translation=(view.translation_cm(matrix[:3, 3], picture) / 100.0).astype(np.float32),
        gaze=gaze_from_weights(weights),
        confidence=fit_confidence(points, matrix, height, width),
    )


def rotation_vector(matrix: NDArray[np.float64]) -> Array:
    """[3] the turn of a [4,4] transformation in radians: +x looks down, +y to the subject's left."""
    return np.asarray(cv2.Rodrigues(matrix[:3, :3])[0], np.float32).reshape(3)
