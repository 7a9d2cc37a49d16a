"""What is shared by all that runs MediaPipe: opening it, its camera model, fit confidence, and scores as weights."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Array
from .source import SourceError

Points = NDArray[np.float64]

FOV_DEG = 63.0  # the vertical field of view that MediaPipe assumes for every camera

# The points by which MediaPipe aligns its canonical face with a picture: number, weight, and x, y, z in cm. Read from
# geometry_pipeline_metadata_landmarks.binarypb inside face_landmarker.task (Google, Apache-2.0).
_CANONICAL = np.array(
    [
        (4, 0.0709, 0.000, -0.463, 7.587),
        (6, 0.0321, 0.000, 2.473, 5.789),
        (10, 0.0084, 0.000, 8.262, 4.482),
        (33, 0.0587, -4.446, 2.664, 3.173),
        (54, 0.0077, -6.279, 6.615, 1.426),
        (67, 0.0091, -3.524, 8.006, 3.729),
        (117, 0.0098, -5.259, 0.946, 2.974),
        (119, 0.0146, -3.301, 0.862, 3.873),
        (121, 0.0186, -1.821, 1.468, 4.224),
        (127, 0.0052, -7.743, 2.365, -2.005),
        (129, 0.1206, -1.786, -0.978, 4.850),
        (132, 0.0056, -7.271, -2.891, -2.252),
        (133, 0.0533, -1.856, 2.585, 3.758),
        (136, 0.0669, -5.085, -7.179, 0.715),
        (143, 0.0148, -6.408, 2.236, 1.561),
        (147, 0.0143, -6.235, -1.944, 1.664),
        (198, 0.0255, -1.247, 0.230, 5.681),
        (205, 0.0473, -3.833, -1.537, 4.138),
        (263, 0.0587, 4.446, 2.664, 3.173),
        (284, 0.0077, 6.279, 6.615, 1.426),
        (297, 0.0091, 3.524, 8.006, 3.729),
        (346, 0.0098, 5.259, 0.946, 2.974),
        (348, 0.0146, 3.301, 0.862, 3.873),
        (350, 0.0186, 1.821, 1.468, 4.224),
        (356, 0.0052, 7.743, 2.365, -2.005),
        (358, 0.1206, 1.786, -0.978, 4.850),
        (361, 0.0056, 7.271, -2.891, -2.252),
        (362, 0.0533, 1.856, 2.585, 3.758),
        (365, 0.0669, 5.085, -7.179, 0.715),
        (372, 0.0148, 6.408, 2.236, 1.561),
        (376, 0.0143, 6.235, -1.944, 1.664),
        (420, 0.0255, 1.247, 0.230, 5.681),
        (425, 0.0473, 3.833, -1.537, 4.138),
    ]
)
RIGID_LANDMARKS = _CANONICAL[:, 0].astype(int)  # [33] indices of these points among the 478
_WEIGHT = _CANONICAL[:, 1] / _CANONICAL[:, 1].sum()  # [33]
_POSITION = _CANONICAL[:, 2:]  # [33,3] cm
_OUTER_EYES = np.array([list(RIGID_LANDMARKS).index(number) for number in (33, 263)])

_POOR_FIT = 0.1  # in distances of the eyes; at this misfit the confidence is 1/e


def fit_confidence(points: Points, matrix: Points, height_px: int, width_px: int) -> float:
    """How well the tracked `points` [33,2] (pixels, y down) fit the canonical face under `matrix` [4,4], in (0,1].

    With r, the mean distance between the two in distances of the outer eye corners, it is exp(-(r / 0.1)^2). On 109
    rendered faces (plain, blurred, half hidden, small) r had a rank correlation of 0.5 with the true error of the
    points. Clear faces score 0.8 to 0.95; faces from the side, blurred or half hidden 0.7 to 0.9. It is a hint, not a
    measurement.
    """
    expected = project_px(_POSITION @ matrix[:3, :3].T + matrix[:3, 3], height_px, width_px)
    # The eye corners from the front at this distance, since those of a turned head lie closer together.
    facing = project_px(_POSITION + matrix[:3, 3], height_px, width_px)[_OUTER_EYES]
    misfit = float(_WEIGHT @ np.linalg.norm(points - expected, axis=1) / np.linalg.norm(facing[0] - facing[1]))
    return max(float(np.exp(-((misfit / _POOR_FIT) ** 2))), 1e-3)


def project_px(position: Points, height_px: int, width_px: int) -> Points:
    """[N,2] pixels of `position` [N,3] (x right, y up, z to the camera, which stands at 0) in MediaPipe's camera."""
    scaled = position[:, :2] / -position[:, 2:] * focal_px(height_px)
    return np.column_stack([width_px / 2 + scaled[:, 0], height_px / 2 - scaled[:, 1]])


def focal_px(height_px: int) -> float:
    """The focal length that `FOV_DEG` gives in a picture of this height."""
    return height_px / 2 / float(np.tan(np.radians(FOV_DEG / 2)))


def rotation_vector(matrix: Points) -> Array:
    """[3] radians of a [4,4] transformation: +x looks down, +y to the subject's left."""
    import cv2

    return np.asarray(cv2.Rodrigues(matrix[:3, :3])[0], np.float32).reshape(3)


_NEUTRAL = "_neutral"  # MediaPipe's first score, which ARKit lacks; of ARKit's shapes only tongueOut has no score
# The scores of a relaxed face and of a closed eye, where they are far from 0 and 1: in clips of three people they rest
# at 0.11 to 0.17 (blink) and 0.31 to 0.65 (squint), and peak at 0.64 to 0.76 and 0.75 to 0.81. As they are, a face
# looks sleepy and its eyes never close. Calibration measures them for each person.
_BLINK, _SQUINT, _SIDES = (0.15, 0.70), (0.40, 0.85), ("Left", "Right")
_RANGE = {f"eye{name}{side}": span for name, span in (("Blink", _BLINK), ("Squint", _SQUINT)) for side in _SIDES}
_AT_REST = arkit.weights({name: low for name, (low, _) in _RANGE.items()})
_AT_FULL = 1.0 - arkit.weights({name: 1.0 - high for name, (_, high) in _RANGE.items()})


def weights_from_scores(scores: Any) -> Array:
    """[52] ARKit weights of MediaPipe's scores, by their names; FaceWeightError on a name that is not ARKit's."""
    named = {score.category_name: score.score for score in scores if score.category_name != _NEUTRAL}
    return arkit.clipped_weights(named)


def stretched_weights(weights: Array) -> Array:
    """[52] the weights, of which those with a narrow range in MediaPipe are stretched to 0 at rest and 1 at full."""
    return np.asarray(np.clip((weights - _AT_REST) / (_AT_FULL - _AT_REST), 0.0, 1.0), np.float32)


_APT = "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0"
_SHARED_OBJECT = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")
# Start-up notices of absl and TensorFlow Lite. This version of MediaPipe has no switch for them.
_NOTICE = re.compile(rb"WARNING: All log messages before absl|[IW]\d{4} |INFO: |\s*$")


def missing_library(error: ImportError | OSError) -> SourceError:
    """An error that names what is missing, and the command that installs it."""
    if found := _SHARED_OBJECT.search(str(error)):
        return SourceError(
            f"the face tracker needs the system library {found[1]}, which is missing; on Debian or Ubuntu: {_APT} "
            "(the demo works without it)"
        )
    if isinstance(error, ModuleNotFoundError):
        return SourceError(
            f"the face tracker needs the Python package {error.name}, which is missing: pip install omote"
        )
    return SourceError(f"the face tracker cannot be loaded: {error}")


@contextmanager
def without_notices() -> Iterator[None]:
    """Holds back what is written to stderr, then writes all lines but the known start-up notices."""
    try:
        sys.stderr.flush()
        stderr = os.dup(2)
    except (OSError, AttributeError):  # There is no stderr: the program was started without a console.
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not _NOTICE.match(line):
                    os.write(2, line)


def open_landmarker(model: Path, *, is_video: bool, faces: int = 1) -> Any:
    """MediaPipe's FaceLandmarker with weights and matrices, for single pictures or for a video.

    SourceError if it cannot be loaded, or if the model file is damaged.
    """
    # This import loads matplotlib and more.
    with model_errors(model):
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode

        return FaceLandmarker.create_from_options(
            FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(model)),
                running_mode=RunningMode.VIDEO if is_video else RunningMode.IMAGE,
                num_faces=faces,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
        )


@contextmanager
def model_errors(model: Path) -> Iterator[None]:
    """Turns what MediaPipe raises while it opens this file into a SourceError with the cure."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    except (RuntimeError, ValueError, KeyError, BadZipFile) as error:
        raise SourceError(f"MediaPipe cannot use {model}: {error}; delete it, and it is fetched again") from error


def mediapipe_image(rgb: NDArray[np.uint8]) -> Any:
    """MediaPipe's image of [H,W,3] red, green, blue."""
    from mediapipe import Image, ImageFormat

    return Image(ImageFormat.SRGB, np.ascontiguousarray(rgb))
