"""MediaPipe's FaceLandmarker: the face in a camera's picture becomes a Signal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine import models
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.nouns import Array, Signal, Stamp
from omote.engine.threads import plan

from .canonical_face import RIGID, confidence, focal_px
from .native import missing_library, without_chatter
from .source import SourceError
from .tracker import Picture, untracked

_NEUTRAL = "_neutral"  # MediaPipe's first score, no shape of ARKit's; of these only tongueOut has no score
# What it reads of a relaxed face and of a shut eye, where that is far from 0 and 1: three clips of three people rest at
# 0.11 to 0.17 (blink) and 0.31 to 0.65 (squint) and peak at 0.64 to 0.76 and 0.75 to 0.81. Left as they are, everybody
# looks sleepy and nobody's eyes close. Calibration will measure them for each person.
_BLINK, _SQUINT, _SIDES = (0.15, 0.70), (0.40, 0.85), ("Left", "Right")
_RANGE = {f"eye{name}{side}": span for name, span in (("Blink", _BLINK), ("Squint", _SQUINT)) for side in _SIDES}
_AT_REST = arkit.weights({name: low for name, (low, _) in _RANGE.items()})
_AT_FULL = 1.0 - arkit.weights({name: 1.0 - high for name, (_, high) in _RANGE.items()})
_ZOOM_EVERY = 4  # pictures without a face until one is searched by its middle


def face_landmarker() -> Landmarker:
    """The tracker with its model file, fetched at first use; SourceError where that cannot be had."""
    try:
        return Landmarker(models.fetch(models.FACE_LANDMARKER))
    except models.ModelError as error:
        raise SourceError(str(error)) from error


@dataclass(frozen=True)
class View:
    """The part of a picture that is searched."""

    zoom: int  # 1: all of it; 2: half its width and height, the middle and a little above, where a far user is

    def cut(self, picture: Picture) -> Picture:
        left, top = self._corner(picture)
        height, width = picture.shape[:2]
        return picture[top : top + height // self.zoom, left : left + width // self.zoom]

    def _corner(self, picture: Picture) -> tuple[int, int]:
        height, width = picture.shape[:2]
        return (0, 0) if self.zoom == 1 else (width // 4, height // 8)

    def translation_cm(self, seen: NDArray[np.float64], picture: Picture) -> NDArray[np.float64]:
        """[3] where the whole picture's camera has what this view's camera has at `seen`: farther, and off its axis."""
        left, top = self._corner(picture)
        height, width = picture.shape[:2]
        part_height, part_width = self.cut(picture).shape[:2]
        aside = np.array([left + part_width / 2 - width / 2, height / 2 - top - part_height / 2, 0.0])
        depth = seen[2] * height / part_height
        return np.asarray([seen[0], seen[1], depth] - aside * depth / focal_px(height))


class Landmarker:
    """Tracks one face from picture to picture.

    Left is the subject's left, in MediaPipe's names as in ARKit's, and its matrix has our axes: x right in the
    picture, y up, z to the camera, which stands at the origin. The translation is that of a face of average width
    before a camera that sees 63 degrees from top to bottom, so z (about -0.3 m for a face that fills the picture) is a
    proportion rather than a distance; through a narrower lens pitch and yaw are read too small, by a quarter at 20
    degrees.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._task: Any = None
        self._clock = _Milliseconds()
        self._view = View(zoom=1)
        self._misses = 0

    def __enter__(self) -> Self:
        cv2.setNumThreads(plan().opencv)
        with without_chatter():
            self._task = _open(self._model)
            # The graph starts with its first picture, and so does its chatter.
            self._task.detect_for_video(_image(np.zeros((64, 64, 3), np.uint8)), 0)
        self._clock = _Milliseconds()
        return self

    def __exit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.close()
            self._task = None

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        """What the face in this picture does; confidence 0 where none is found."""
        part = self._view.cut(picture)
        found = self._task.detect_for_video(_image(part), self._clock.at(stamp.captured_ns))
        signal = _signal(found, stamp, self._view, picture)
        self._look_elsewhere(signal.is_tracked)
        return signal

    def _look_elsewhere(self, is_tracked: bool) -> None:
        """Stays with the view that shows a face; else tries the middle, enlarged, now and then.

        The detector finds no head that is lower than about a fifth of what it is shown.
        """
        if is_tracked:
            self._misses = 0
            return
        self._misses += 1
        self._view = View(zoom=2 if self._misses % _ZOOM_EVERY == 0 else 1)


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


def _open(model: Path) -> Any:
    try:
        # Loads matplotlib and more: only when a face is to be tracked.
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode

        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=RunningMode.VIDEO,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        return FaceLandmarker.create_from_options(options)
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    except (RuntimeError, ValueError) as error:
        raise SourceError(
            f"the face tracker cannot use {model}: {error}; delete it, and it is fetched again"
        ) from error


def _image(picture: Picture) -> Any:
    """MediaPipe's image, red first."""
    from mediapipe import Image, ImageFormat

    return Image(ImageFormat.SRGB, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _signal(found: Any, stamp: Stamp, view: View, picture: Picture) -> Signal:
    if not found.face_landmarks:
        return untracked(stamp)
    height, width = view.cut(picture).shape[:2]
    landmarks = found.face_landmarks[0]
    points = np.array([(landmarks[number].x * width, landmarks[number].y * height) for number in RIGID])
    matrix = np.asarray(found.facial_transformation_matrixes[0], np.float64)
    if not (np.isfinite(points).all() and np.isfinite(matrix).all() and matrix[2, 3] < 0.0):
        return untracked(stamp)
    weights = stretched(weights_of(found.face_blendshapes[0]))
    return Signal(
        stamp=stamp,
        weights=weights,
        head_rotation=rotation_vector(matrix),
        head_translation=(view.translation_cm(matrix[:3, 3], picture) / 100.0).astype(np.float32),
        gaze=gaze_from_weights(weights),
        confidence=confidence(points, matrix, height, width),
    )


def stretched(weights: Array) -> Array:
    """[52] the weights with those that MediaPipe reads in too narrow a range drawn out to 0 at rest and 1 at full."""
    return np.asarray(np.clip((weights - _AT_REST) / (_AT_FULL - _AT_REST), 0.0, 1.0), np.float32)


def weights_of(scores: Any) -> Array:
    """[52] ARKit weights of MediaPipe's named scores; KeyError on a name that is not ARKit's.

    By name: MediaPipe's order is alphabetical.
    """
    named = {score.category_name: score.score for score in scores if score.category_name != _NEUTRAL}
    return np.clip(arkit.weights(named), 0.0, 1.0)


def rotation_vector(matrix: NDArray[np.float64]) -> Array:
    """[3] the turn of a [4,4] transformation in radians: +x looks down, +y to the subject's left."""
    return np.asarray(cv2.Rodrigues(matrix[:3, :3])[0], np.float32).reshape(3)
