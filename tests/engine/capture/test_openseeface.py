"""What OpenSeeFace's tracker sends, as a signal."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from omote.bridge import openseeface
from omote.engine.capture.openseeface import OpenSeeFace, head_rotation, head_translation

from .phones import FakePhone, listener, moved, read, recorded


def test_the_face_with_the_lowest_id_is_taken() -> None:
    with FakePhone() as phone, listener(OpenSeeFace()) as source:
        phone.send(source.port, recorded("phone_openseeface"))
        signal = read(source)
    weights = moved(signal)
    assert weights["eyeBlinkLeft"] == 0.25  # of the second record, whose id is 1; the first has 0.5
    assert weights["eyeBlinkRight"] == 0.75
    assert weights["jawOpen"] == 0.625
    assert weights["mouthSmileLeft"] == 0.25  # its corners count downward
    assert weights["mouthFrownRight"] == 0.5
    assert weights["mouthPucker"] == 0.5
    assert weights["browOuterUpLeft"] == 0.75
    assert weights["browDownRight"] == 0.5
    assert weights["eyeWideLeft"] == 0.5
    assert "mouthSmileRight" not in weights
    # A head with this pose, through OpenSeeFace's own arithmetic; its camera differs a little from ours.
    np.testing.assert_allclose(signal.head_rotation, [0.2, -0.3, 0.25], atol=0.02)
    np.testing.assert_allclose(signal.head_translation, [0.08, -0.05, -0.7], atol=0.02)
    assert signal.confidence == pytest.approx(0.75)


# What tracker.py makes of its own head model in these poses: its first guess is the position of the camera, from which
# OpenCV's solvePnP settles behind the camera, at a negative depth. OpenSee.cs reads it so, too.
@pytest.mark.parametrize(
    ("size", "quaternion", "translation", "rotation", "translation_m"),
    [
        ((640, 480), (0.7049, 0.7037, -0.0087, -0.0887), (0.657, -0.675, -5.368), (0, 0, 0), (0, 0, -0.6)),
        ((640, 360), (0.6801, 0.6454, -0.1573, -0.31), (1.106, -1.103, -5.036), (0, 0.4363, 0), (0, 0, -0.6)),
        ((640, 360), (0.7164, 0.6879, -0.1076, -0.0444), (1.222, -1.199, -5.493), (0.3491, 0, 0), (0, 0, -0.6)),
        ((640, 480), (0.6065, 0.7897, -0.0209, -0.09), (0.659, -0.68, -5.376), (0, 0, 0.2618), (0, 0, -0.6)),
        (
            (1280, 720),
            (0.6801, 0.7297, -0.0709, -0.0049),
            (0.916, -2.243, -6.228),
            (0.1575, -0.3556, 0.1166),
            (0.1, -0.05, -0.7),
        ),
    ],
)
def test_a_head_behind_the_camera_faces_it(
    size: tuple[int, int],
    quaternion: tuple[float, ...],
    translation: tuple[float, ...],
    rotation: tuple[float, ...],
    translation_m: tuple[float, ...],
) -> None:
    record = bytearray(recorded("phone_openseeface")[:1785])
    struct.pack_into("<2f", record, 12, *size)
    struct.pack_into("<4f", record, 33, *quaternion)
    struct.pack_into("<3f", record, 61, *translation)
    (face,) = openseeface.decode(bytes(record))
    np.testing.assert_allclose(head_rotation(face), rotation, atol=np.radians(2.5))
    np.testing.assert_allclose(head_translation(face), translation_m, atol=0.18)  # its perspective is reversed


def test_a_pupil_turns_the_eye_and_a_closed_eye_follows_the_other() -> None:
    with FakePhone() as phone, listener(OpenSeeFace()) as source:
        phone.send(source.port, recorded("phone_openseeface"))
        signal = read(source)
    # The left pupil lies 3 units to the left of the eyeball's middle, 2 below it and 10 in front of it.
    left = [np.arctan2(0.02, np.hypot(0.03, 0.1)), np.arctan2(0.03, 0.1)]
    np.testing.assert_allclose(signal.gaze, [left, left], atol=1e-6)  # The right eye is open by a quarter.
    assert moved(signal)["eyeLookOutLeft"] == pytest.approx(left[1] / 0.52, abs=0.01)
