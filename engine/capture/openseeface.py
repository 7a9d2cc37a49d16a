"""OpenSeeFace's tracker as a source: its features as ARKit weights, its head and its pupils in our axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, openseeface
from omote.bridge.openseeface import TrackedFace
from omote.bridge.vmc import Quaternion, quaternion_product, rotation_of_quaternion, to_unity

from ..data import Array
from ..face.retarget import weights_from_gaze
from .datagrams import FaceProtocol, FaceUpdate

_UNIT_M = 0.14  # of its head model, whose outer eye corners are 0.63 apart: 89 mm of a real face
_LARGEST_GAZE_RAD = 0.7
_TINY = 1e-6
_LEAST_PUPIL_CONFIDENCE, _LEAST_OPENNESS = 0.2, 0.3  # below these, its own preview leaves out the pupil, too

# Rows, columns and depth of its camera point down, to the subject's left and away; its head model is mirrored in x.
_FROM_CAMERA = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
# So the rotation that it solves, once mirrored in x, is ours and then this half turn about the diagonal of x and y.
_HALF_TURN_XY = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])  # x, y, z, w
_PUPILS, _EYEBALLS = (67, 66), (69, 68)  # left, right


class OpenSeeFace(FaceProtocol[tuple[TrackedFace, ...]]):
    """Of several faces, the one with the lowest id."""

    kind = "openseeface"
    title = "OpenSeeFace"
    advice = "does facetracker run, with --ip and --port of {here}, and a face in front of its camera?"
    ports = (openseeface.PORT,)

    def decode(self, data: bytes) -> tuple[TrackedFace, ...]:
        return openseeface.decode(data)

    def update(self, packet: tuple[TrackedFace, ...], now_ns: int) -> FaceUpdate:
        face = min(packet, key=lambda one: one.face_id)
        if not face.is_fitted or not _TINY < float(np.linalg.norm(face.quaternion.astype(np.float64))) < 1.0 / _TINY:
            return FaceUpdate()
        gaze = _gaze(face)
        weights = np.maximum(_weights(face), weights_from_gaze(gaze))
        confidence = float(np.clip(np.mean(face.confidence), 1e-3, 1.0))
        return FaceUpdate(weights, head_rotation(face), head_translation(face), gaze, confidence)


def _weights(face: TrackedFace) -> Array:
    """[52] ARKit weights from its features, which are measured against the usual face of this person.

    Its mouth corners count downward: in tracker.py a lower corner gives the larger number.
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
    return arkit.clipped_weights(named)


def head_rotation(face: TrackedFace) -> Array:
    """[3] rotation vector; the tracker sends the inverse of the rotation that it solved, as a quaternion."""
    quaternion = face.quaternion.astype(np.float64)
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    solved = quaternion_product(_HALF_TURN_XY, to_unity(np.array([-x, -y, -z, w])))
    assumed, real = _positions(face)
    if face.translation[2] < -_TINY:
        # Behind the camera, the same picture is that of a head turned by half around its ray.
        solved = quaternion_product(np.append(assumed / np.linalg.norm(assumed), 0.0), solved)
    return rotation_of_quaternion(quaternion_product(_turn_between(assumed, real), solved)).astype(np.float32)


def head_translation(face: TrackedFace) -> Array:
    """[3] metres from the camera: x to the subject's left, y up, z to the camera."""
    return (_positions(face)[1] * _UNIT_M).astype(np.float32)


def _positions(face: TrackedFace) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[3] the position of the head as the tracker assumes it, and [3] the real one, in units of its head model.

    The tracker exchanges the middle of a picture's columns and rows, so that a face in the middle seems to be seen from
    the side and from above. Its solver starts in the camera and settles behind it, where all signs are reversed; a
    position before the camera comes from another program that uses its protocol.
    """
    sign = -1.0 if face.translation[2] < 0.0 else 1.0
    rows, columns, depth = (sign * float(one) for one in face.translation)
    skew = depth * (face.width_px - face.height_px) / (2.0 * face.width_px) if face.width_px > 1.0 else 0.0
    return _FROM_CAMERA @ (rows, columns, depth), _FROM_CAMERA @ (rows + skew, columns - skew, depth)


def _turn_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> Quaternion:
    """The smallest rotation from one direction to another."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    if lengths < 1e-9:
        return np.array([0.0, 0.0, 0.0, 1.0])
    turn = np.append(np.cross(first, second), lengths + first @ second)
    length = float(np.linalg.norm(turn))
    return turn / length if length > 1e-9 else np.array([0.0, 0.0, 0.0, 1.0])


def _gaze(face: TrackedFace) -> Array:
    """[2,2] as in `Signal`, from the assumed middle of each eyeball to its pupil.

    An eye whose pupil is not seen follows the other; without any pupil the gaze is straight ahead.
    """
    openness = (face.left_open, face.right_open)
    eyes = [
        _pitch_and_yaw(face.points_3d[pupil] - face.points_3d[ball])
        if face.confidence[pupil] >= _LEAST_PUPIL_CONFIDENCE and open_ >= _LEAST_OPENNESS
        else None
        for pupil, ball, open_ in zip(_PUPILS, _EYEBALLS, openness, strict=True)
    ]
    left, right = eyes[0] or eyes[1] or (0.0, 0.0), eyes[1] or eyes[0] or (0.0, 0.0)
    return np.clip(np.array([left, right], np.float32), -_LARGEST_GAZE_RAD, _LARGEST_GAZE_RAD)


def _pitch_and_yaw(direction: Array) -> tuple[float, float] | None:
    """Radians of a direction as it is sent: x, -y, -z of a model that is mirrored in x."""
    x, y, z = (-float(one) for one in direction)
    if z <= 1e-6:
        return None
    return float(np.arctan2(-y, np.hypot(x, z))), float(np.arctan2(x, z))
