"""OpenSeeFace's tracker as a source: its features as ARKit weights, its head and its pupils as ours."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, openseeface
from omote.bridge.openseeface import TrackedFace
from omote.bridge.vmc import Quaternion, quaternion_product, rotation_of_quaternion, to_unity

from ..data import Array
from ..face.retarget import weights_from_gaze
from .datagrams import ANY_ADDRESS, DatagramSource, FaceUpdate

Place = NDArray[np.float64]  # [3]

DEFAULT_PORT = openseeface.PORT
UNIT_M = 0.14  # of its head model, whose outer eye corners are 0.63 apart: 89 mm of a real face
MOST_GAZE_RAD = 0.7
_TINY = 1e-6
_SURE_PUPIL, _OPEN_EYE = 0.2, 0.3  # below these, its own picture leaves the pupil out, too

# Its cameras' rows, columns and depth are down, to the subject's left and away; its head model is mirrored in x.
_FROM_CAMERA = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
# So the turn that it solves is, once mirrored in x, our turn and then this half one, about the diagonal of x and y.
_FACING = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])  # x, y, z, w
_PUPILS, _EYEBALLS = (67, 66), (69, 68)  # left, right


class OpenSeeFaceSource(DatagramSource[tuple[TrackedFace, ...]]):
    """Signals from the first tracker that sends a face; of several faces, the one with the lowest id."""

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        host: str = ANY_ADDRESS,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
        only: str | None = None,
    ) -> None:
        super().__init__(f"openseeface {port}", _Tracker(), (port,), host, None, clock, wall_clock, only)


class _Tracker:
    kind = "openseeface"
    title = "OpenSeeFace"
    advice = "does facetracker run, with --ip and --port of {here}, and a face before its camera?"

    def decode(self, data: bytes) -> tuple[TrackedFace, ...]:
        return openseeface.decode(data)

    def device(self, packet: tuple[TrackedFace, ...]) -> str:
        return ""

    def has_face(self, packet: tuple[TrackedFace, ...]) -> bool:
        return True

    def heard(self, packet: tuple[TrackedFace, ...], now_ns: int) -> FaceUpdate:
        face = min(packet, key=lambda one: one.face_id)
        if not face.is_fitted or not _TINY < float(np.linalg.norm(face.quaternion.astype(np.float64))) < 1.0 / _TINY:
            return FaceUpdate(np.zeros(arkit.COUNT, np.float32), confidence=0.0)
        gaze = gaze_of(face)
        weights = np.maximum(weights_of(face), weights_from_gaze(gaze))
        confidence = float(np.clip(np.mean(face.confidence), 1e-3, 1.0))
        return FaceUpdate(weights, head_of(face), place_of(face), gaze, confidence)


def weights_of(face: TrackedFace) -> Array:
    """[52] the ARKit weights that its features stand for; they are measured against this person's usual face.

    Its mouth corners count downward: read off tracker.py, where a lower corner gives the larger number.
    """
    value = face.features

    def up(name: str) -> float:
        return max(value[name], 0.0)

    def down(name: str) -> float:
        return max(-value[name], 0.0)

    named = {
        "eyeBlinkLeft": 1.0 - face.left_open,
        "eyeBlinkRight": 1.0 - face.right_open,
        "browInnerUp": (up("eyebrow_updown_l") + up("eyebrow_updown_r")) / 2.0,
        "jawOpen": up("mouth_open"),
        "mouthPucker": down("mouth_wide"),
    }
    for side, letter in (("Left", "l"), ("Right", "r")):
        named |= {
            f"eyeWide{side}": up(f"eye_{letter}"),
            f"browOuterUp{side}": up(f"eyebrow_updown_{letter}"),
            f"browDown{side}": down(f"eyebrow_updown_{letter}"),
            f"mouthSmile{side}": down(f"mouth_corner_updown_{letter}"),
            f"mouthFrown{side}": up(f"mouth_corner_updown_{letter}"),
            f"mouthStretch{side}": up("mouth_wide"),
        }
    return np.clip(arkit.weights(named), 0.0, 1.0)


def head_of(face: TrackedFace) -> Array:
    """[3] the rotation vector; the tracker sends the quaternion of the inverse of the rotation that it solved."""
    quaternion = face.quaternion.astype(np.float64)
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    solved = quaternion_product(_FACING, to_unity(np.array([-x, -y, -z, w])))
    assumed, real = _places(face)
    if face.translation[2] < -_TINY:  # behind the camera the same picture is that of the head turned round its ray
        solved = quaternion_product(_half_turn(assumed), solved)
    return rotation_of_quaternion(quaternion_product(_between(assumed, real), solved)).astype(np.float32)


def place_of(face: TrackedFace) -> Array:
    """[3] metres from the camera: x to the subject's left, y up, z to the camera."""
    return (_places(face)[1] * UNIT_M).astype(np.float32)


def _places(face: TrackedFace) -> tuple[Place, Place]:
    """Where the tracker thinks that the head is, and where it is.

    It takes the middle of a picture's columns for that of its rows, and the other way round, so that a face in the
    middle seems to be seen from the side and from above. Its solver begins in the camera itself and settles behind it,
    where all signs are the other way: a place before the camera is one of another tracker that sends as it does.
    """
    side = -1.0 if face.translation[2] < 0.0 else 1.0
    rows, columns, depth = (side * float(one) for one in face.translation)
    skew = depth * (face.width_px - face.height_px) / (2.0 * face.width_px) if face.width_px > 1.0 else 0.0
    return _FROM_CAMERA @ (rows, columns, depth), _FROM_CAMERA @ (rows + skew, columns - skew, depth)


def _half_turn(axis: Place) -> Quaternion:
    return np.append(axis / np.linalg.norm(axis), 0.0)


def _between(first: Place, second: Place) -> Quaternion:
    """The smallest turn that leads from one direction to another."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    if lengths < 1e-9:
        return np.array([0.0, 0.0, 0.0, 1.0])
    turn = np.append(np.cross(first, second), lengths + first @ second)
    length = float(np.linalg.norm(turn))
    return turn / length if length > 1e-9 else np.array([0.0, 0.0, 0.0, 1.0])


def gaze_of(face: TrackedFace) -> Array:
    """[2,2] as in `Signal`: from each eyeball's guessed middle to its pupil; an eye that is not seen does as the other.

    Straight ahead where neither is.
    """
    openness = (face.left_open, face.right_open)
    seen = [
        _looked(face.points_3d[pupil] - face.points_3d[ball])
        if face.confidence[pupil] >= _SURE_PUPIL and open_ >= _OPEN_EYE
        else None
        for pupil, ball, open_ in zip(_PUPILS, _EYEBALLS, openness, strict=True)
    ]
    left, right = seen[0] or seen[1] or (0.0, 0.0), seen[1] or seen[0] or (0.0, 0.0)
    return np.clip(np.array([left, right], np.float32), -MOST_GAZE_RAD, MOST_GAZE_RAD)


def _looked(sent: Array) -> tuple[float, float] | None:
    """Pitch and yaw of a direction as it is sent (x, -y, -z of a model that is mirrored in x)."""
    x, y, z = (-float(one) for one in sent)
    if z <= 1e-6:
        return None
    return float(np.arctan2(-y, np.hypot(x, z))), float(np.arctan2(x, z))
