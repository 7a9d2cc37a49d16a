"""Eyes: weights and angles, left and right, up and down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.engine.face.retarget import gaze_from_weights, weights_from_gaze


@pytest.mark.parametrize(
    ("name", "eye", "axis", "angle"),
    [
        ("eyeLookOutLeft", 0, 1, 0.52),
        ("eyeLookInLeft", 0, 1, -0.52),
        ("eyeLookOutRight", 1, 1, -0.52),
        ("eyeLookInRight", 1, 1, 0.52),
        ("eyeLookDownLeft", 0, 0, 0.44),
        ("eyeLookUpLeft", 0, 0, -0.36),
        ("eyeLookDownRight", 1, 0, 0.44),
        ("eyeLookUpRight", 1, 0, -0.36),
    ],
)
def test_one_weight_turns_one_eye_one_way(name: str, eye: int, axis: int, angle: float) -> None:
    wanted = np.zeros((2, 2), np.float32)
    wanted[eye, axis] = angle
    np.testing.assert_allclose(gaze_from_weights(arkit.weights({name: 1.0})), wanted, atol=1e-6)


def test_a_look_to_the_subjects_left_turns_both_eyes_to_positive_yaw() -> None:
    gaze = gaze_from_weights(arkit.weights({"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}))
    assert gaze[0, 1] == gaze[1, 1] > 0.0


@given(st.lists(st.floats(-0.3125, 0.3125, width=32), min_size=4, max_size=4))
def test_angles_within_reach_come_back(angles: list[float]) -> None:
    gaze = np.array(angles, np.float32).reshape(2, 2)
    np.testing.assert_allclose(gaze_from_weights(weights_from_gaze(gaze)), gaze, atol=1e-5)


def test_angles_out_of_reach_stop_at_full_weight() -> None:
    weights = weights_from_gaze(np.array([[1.5, 0.0], [0.0, 0.0]], np.float32))
    assert weights.max() == weights[arkit.INDEX["eyeLookDownLeft"]] == 1.0
