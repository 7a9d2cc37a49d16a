"""ARKit's names in every spelling, and Euler angles to rotation vectors and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.bridge.arkit import angles_from_rotation, rotation_from_angles, weight_index


def test_arkits_names_are_known_in_each_spelling() -> None:
    for index, name in enumerate(arkit.NAMES):
        assert weight_index(name) == weight_index(name[0].upper() + name[1:]) == index
    assert weight_index("eyeBlink_R") == arkit.INDEX["eyeBlinkRight"]
    assert weight_index("MouthSmile_L") == arkit.INDEX["mouthSmileLeft"]
    assert weight_index("jaw_L") is weight_index("trackingStatus") is weight_index("") is None


@pytest.mark.parametrize(
    ("yaw_pitch_roll", "rotation"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((0.3, 0.0, 0.0), (0.0, 0.3, 0.0)),  # to the subject's left
        ((0.0, 0.2, 0.0), (0.2, 0.0, 0.0)),  # down
        ((0.0, 0.0, -0.1), (0.0, 0.0, -0.1)),
    ],
)
def test_one_angle_turns_about_one_axis(yaw_pitch_roll: tuple[float, ...], rotation: tuple[float, ...]) -> None:
    np.testing.assert_allclose(rotation_from_angles(np.array(yaw_pitch_roll)), rotation, atol=1e-7)


def matrix(axis: int, angle: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    turned, first, second = np.eye(3), (axis + 1) % 3, (axis + 2) % 3
    turned[first, first] = turned[second, second] = np.cos(angle)
    turned[second, first], turned[first, second] = np.sin(angle), -np.sin(angle)
    return turned


def test_roll_turns_first_then_pitch_then_yaw() -> None:
    yaw, pitch, roll = 0.7, -0.4, 0.3
    vector = rotation_from_angles(np.array([yaw, pitch, roll])).astype(float)
    wanted = matrix(1, yaw) @ matrix(0, pitch) @ matrix(2, roll)
    # Rodrigues, from the vector.
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    np.testing.assert_allclose(
        np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross, wanted, atol=1e-6
    )


# Short of looking straight up or down, where yaw and roll are one turn.
@given(st.floats(-3.1, 3.1), st.floats(-1.4, 1.4), st.floats(-3.1, 3.1))
def test_angles_come_back(yaw: float, pitch: float, roll: float) -> None:
    back = angles_from_rotation(rotation_from_angles(np.array([yaw, pitch, roll])))
    np.testing.assert_allclose(back, (yaw, pitch, roll), atol=2e-5)  # float32 between, magnified by 1/cos(1.4)


def test_a_whole_take_is_turned_at_once() -> None:
    rows = np.array([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0], [-0.5, 0.1, 0.0]])
    together = rotation_from_angles(rows)
    for row, one in zip(rows, together, strict=True):
        np.testing.assert_array_equal(rotation_from_angles(row), one)
