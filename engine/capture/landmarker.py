"""MediaPipe's FaceLandmarker: the face in a camera's picture becomes a Signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from zipfile import ZipFile

import cv2
import numpy as np

from .. import models
from ..data import Array, Signal, Stamp
from ..face.retarget import gaze_from_weights
from ..hardware import thread_plan
from .face_search import FaceBox, FaceDetector, PerformerSelector, SearchRegion, without_faces
from .mediapipe import (
    RIGID_LANDMARKS,
    fit_confidence,
    mediapipe_image,
    model_errors,
    open_landmarker,
    rotation_vector,
    stretched_weights,
    weights_from_scores,
    without_notices,
)
from .mouth_shapes import EYES_AND_NOSE, MouthReader, crop_mouth
from .source import Picture, SourceError, TrackedPicture, untracked

# Far faces are searched for in the second picture without a face, and in one of ten after it: the search takes 30 ms.
FIRST_FAR_SEARCH, FAR_SEARCH_PERIOD = 2, 10
# The other faces are counted this often while the performer is tracked, if the picture is being shown or if the
# performer may be a poster.
COUNT_INTERVAL_S = 1.0
_DETECTOR = "face_detector.tflite"  # its name in the model file, which is an archive
_OUTLINE = (234, 454, 10, 152)  # MediaPipe's points at the sides of a face, on the brow and on the chin


def face_landmarker() -> Landmarker:
    """The tracker with its model file, which is fetched at first use; SourceError if that fails."""
    try:
        return Landmarker(models.fetch(models.FACE_LANDMARKER))
    except models.ModelError as error:
        raise SourceError(str(error)) from error


@dataclass(frozen=True, eq=False)
class _TrackedFrame:
    """The last picture and its face; the points are computed only when they are read."""

    picture: Picture
    region: SearchRegion
    landmarks: Sequence[Any]  # MediaPipe's, 0 to 1 across the region; () if there is no face
    signal: Signal
    others: int

    def tracked_picture(self) -> TrackedPicture:
        size = (self.region.width, self.region.height)
        relative = np.array([(one.x, one.y) for one in self.landmarks], np.float32).reshape(-1, 2)
        points = (relative * size + (self.region.left, self.region.top)).astype(np.float32)
        captured_ns = self.signal.stamp.captured_ns
        return TrackedPicture(self.picture, points, captured_ns, self.signal.confidence, self.others)


class Landmarker:
    """Tracks one face from picture to picture: the nearest, until it has left. `PerformerSelector` says more.

    While a face is tracked, MediaPipe follows it and looks at no other. At the start, and when the face is lost, all
    faces are searched for, now and then also far ones, and all but the performer's are painted over.

    Left is the subject's left, in MediaPipe's names as in ARKit's, and its matrix has our axes: x right in the picture,
    y up, z to the camera, which stands at the origin. The translation is that of a face of average width before a
    camera with a vertical field of view of 63 degrees, so z (about -0.3 m for a face that fills the picture) is a
    proportion rather than a distance. Through a narrower lens pitch and yaw are too small, by a quarter at 20 degrees.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._landmarker: Any = None
        self._mediapipe_detector: Any = None
        self._detector = FaceDetector(self._detected)
        self._clock = _MillisecondClock()
        self._performer = PerformerSelector()
        self._region: SearchRegion | None = None  # None is the whole picture
        self._misses = 0  # pictures in a row without the performer
        self._is_tracked = False
        self._others, self._counted_ns = 0, 0
        self._last: _TrackedFrame | None = None
        self.reads_mouth = False  # whether tongue and cheeks are looked for, too; from any thread
        self._mouth: MouthReader | None = None  # from the first picture that is read
        self._is_shown = False  # whether the tracked picture was read since the others were counted

    def __enter__(self) -> Self:
        cv2.setNumThreads(thread_plan().opencv)
        with without_notices():
            self._landmarker = open_landmarker(self._model, is_video=True)
            self._mediapipe_detector = _open_detector(self._model)
            # The graphs start with their first picture, and write notices, too.
            blank = np.zeros((64, 64, 3), np.uint8)
            self._landmarker.detect_for_video(_image(blank), 0)
            self._detected(blank)
        self._clock = _MillisecondClock()
        return self

    def __exit__(self, *error: object) -> None:
        for part in (self._landmarker, self._mediapipe_detector):
            if part is not None:
                part.close()
        self._landmarker = self._mediapipe_detector = None

    @property
    def tracked_picture(self) -> TrackedPicture | None:
        """The last picture that was tracked, from any thread; None before the first."""
        self._is_shown = True
        return self._last.tracked_picture() if self._last else None

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        """The performer's face in this picture; confidence 0 if it is not found."""
        now_ns = stamp.captured_ns
        if self._last is not None and self._last.picture.shape != picture.shape:
            self._region, self._is_tracked = None, False
        searched = picture if self._is_tracked else self._search(picture, now_ns)
        region = self._region or SearchRegion.whole(picture)
        found = self._landmarker.detect_for_video(_image(region.cut(searched)), self._clock.at(now_ns))
        signal = _signal(found, stamp, region, picture)
        self._is_tracked = signal.is_tracked
        if signal.is_tracked and self.reads_mouth:
            signal = replace(signal, weights=self._with_mouth(signal.weights, found.face_landmarks[0], region, picture))
        if signal.is_tracked:
            self._follow(_face_box(found.face_landmarks[0], region), picture, now_ns)
        landmarks = found.face_landmarks[0] if signal.is_tracked else ()
        self._last = _TrackedFrame(picture, region, landmarks, signal, self._others)
        return signal

    def _with_mouth(self, weights: Array, landmarks: Any, region: SearchRegion, picture: Picture) -> Array:
        """[52] the weights with tongue and cheeks."""
        self._mouth = self._mouth or MouthReader()
        points = np.array([(landmarks[number].x, landmarks[number].y) for number in EYES_AND_NOSE])
        points = points * (region.width, region.height) + (region.left, region.top)
        return self._mouth.added(weights, crop_mouth(picture, points)[..., ::-1])

    def _detected(self, picture: Picture) -> list[FaceBox]:
        """The faces that are near enough in this picture, in its own pixels; 3 ms."""
        boxes = (one.bounding_box for one in self._mediapipe_detector.detect(_image(picture)).detections)
        return [
            FaceBox(box.origin_x + box.width / 2, box.origin_y + box.height / 2, (box.width + box.height) / 2)
            for box in boxes
            if box.width > 0 and box.height > 0
        ]

    def _follow(self, face: FaceBox, picture: Picture, now_ns: int) -> None:
        """Moves the region after a tracked face, and counts the others if it is time."""
        self._misses = 0
        self._performer.follow(face, now_ns)
        if self._region and not self._region.shows_well(face, picture):
            self._region = _unless_whole(SearchRegion.around(face, picture), picture)
        is_lifeless = self._performer.is_lifeless(now_ns)
        if (self._is_shown or is_lifeless) and now_ns - self._counted_ns >= COUNT_INTERVAL_S * 1e9:
            self._is_shown, self._counted_ns = False, now_ns
            faces = self._detector.faces(picture, SearchRegion.whole(picture))
            others = [one for one in faces if math.hypot(one.x - face.x, one.y - face.y) > face.size / 2]
            self._others = len(others)
            if is_lifeless and self._performer.gives_way(others, now_ns):
                self._is_tracked = False  # The next picture is searched, with the poster painted over.

    def _search(self, picture: Picture, now_ns: int) -> Picture:
        """Decides where to look for the performer; returns the picture with all other faces painted over."""
        self._misses += 1
        whole = SearchRegion.whole(picture)
        faces: list[FaceBox] = []
        if self._region and self._performer.is_awaited(now_ns):
            faces = self._detector.faces(picture, self._region)
        faces = faces or self._detector.faces(picture, whole)
        if not faces and self._misses % FAR_SEARCH_PERIOD == FIRST_FAR_SEARCH:
            faces = self._detector.far_faces(picture)
        performer = self._performer.choose(faces, now_ns)
        others = [face for face in faces if face is not performer]
        self._others = len(others)
        if performer is not None:
            self._region = _unless_whole(SearchRegion.around(performer, picture), picture)
        elif not self._performer.is_awaited(now_ns):
            self._region = None
        return without_faces(picture, others, performer)


def _unless_whole(region: SearchRegion, picture: Picture) -> SearchRegion | None:
    return None if region == SearchRegion.whole(picture) else region


def _face_box(landmarks: Any, region: SearchRegion) -> FaceBox:
    """The place of this face, from its sides, brow and chin; about as large as the detector's box."""
    right, left, top, bottom = (landmarks[number] for number in _OUTLINE)
    across = math.hypot((right.x - left.x) * region.width, (right.y - left.y) * region.height)
    down = math.hypot((top.x - bottom.x) * region.width, (top.y - bottom.y) * region.height)
    x = region.left + region.width * (right.x + left.x + top.x + bottom.x) / 4
    return FaceBox(x, region.top + region.height * (top.y + bottom.y) / 2, max(across, down, 1.0))


class _MillisecondClock:
    """MediaPipe's clock: 1 at the first picture, and later at each picture than at the one before."""

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._last = 0

    def at(self, captured_ns: int) -> int:
        if self._first_ns is None:
            self._first_ns = captured_ns
        self._last = max(1 + (captured_ns - self._first_ns) // 1_000_000, self._last + 1)
        return self._last


def _open_detector(model: Path) -> Any:
    """The face detector inside the tracker's model file."""
    with model_errors(model):
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import FaceDetector as MediaPipeDetector
        from mediapipe.tasks.python.vision import FaceDetectorOptions

        with ZipFile(model) as archive:
            content = BaseOptions(model_asset_buffer=archive.read(_DETECTOR))
        return MediaPipeDetector.create_from_options(FaceDetectorOptions(base_options=content))


def _image(picture: Picture) -> Any:
    return mediapipe_image(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _signal(found: Any, stamp: Stamp, region: SearchRegion, picture: Picture) -> Signal:
    if not found.face_landmarks:
        return untracked(stamp)
    height, width = region.height, region.width
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
        head_translation=(region.translation_cm(matrix[:3, 3], picture) / 100.0).astype(np.float32),
        gaze=gaze_from_weights(weights),
        confidence=fit_confidence(points, matrix, height, width),
    )
