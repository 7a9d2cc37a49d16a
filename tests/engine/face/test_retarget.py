"""ARKit weights become FLAME parameters and come back; left stays left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.engine.data import Actor, Signal, Stamp
from omote.engine.face.retarget import (
    DRIVEN,
    UNITS,
    from_weights,
    gaze_from_weights,
    own_weights,
    retarget,
    to_weights,
    weights_from_gaze,
)
from omote.engine.rotation import rotation, turn_vector

STAMP = Stamp(0, 0, 0)
OPPOSED = [("jawLeft", "jawRight")] + [
    (f"eyeLook{a}{side}", f"eyeLook{b}{side}") for side in ("Left", "Right") for a, b in (("In", "Out"), ("Up", "Down"))
]


def unopposed(weights: np.ndarray) -> np.ndarray:
    for first, second in OPPOSED:
        weights[arkit.INDEX[second]] *= weights[arkit.INDEX[first]] == 0.0
    return weights


@given(st.lists(st.floats(0, 1, width=32), min_size=arkit.COUNT, max_size=arkit.COUNT))
def test_weights_that_are_not_opposed_come_back(values: list[float]) -> None:
    weights = unopposed(np.array(values, np.float32))
    # float32 coefficients of a well-conditioned basis: a few units in the sixth place
    np.testing.assert_allclose(to_weights(from_weights(weights)), weights, atol=2e-5)


def test_opposed_weights_cancel() -> None:
    both = from_weights(arkit.weights({"jawLeft": 0.7, "jawRight": 0.7}))
    assert np.array_equal(both.jaw_pose, np.zeros(3, np.float32))


def test_every_unit_is_either_driven_by_a_joint_or_part_of_the_expression() -> None:
    assert sorted(DRIVEN + UNITS) == sorted(arkit.NAMES)


def test_unused_components_of_the_expression_are_zero() -> None:
    assert not from_weights(np.ones(arkit.COUNT, np.float32)).expression[len(UNITS) :].any()


def test_left_stays_the_subjects_left() -> None:
    for side, lids in (("Left", [1.0, 0.0]), ("Right", [0.0, 1.0])):
        assert from_weights(arkit.weights({f"eyeBlink{side}": 1.0})).eyelids.tolist() == lids
    assert (from_weights(arkit.weights({"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5})).eye_pose[:, 1] > 0.2).all()
    assert from_weights(arkit.weights({"jawLeft": 1.0})).jaw_pose[1] > 0.1
    assert from_weights(arkit.weights({"jawRight": 1.0})).jaw_pose[1] < -0.1


def test_the_actors_neutral_gain_and_noise_floor_apply_in_that_order() -> None:
    actor = Actor(
        neutral=arkit.weights({"jawOpen": 0.1, "mouthPucker": 0.1}),
        gain=np.full(arkit.COUNT, 2.0, np.float32),
        noise_floor=np.full(arkit.COUNT, 0.05, np.float32),
        neutral_rotation=np.array([0.1, 0.0, 0.0], np.float32),
    )
    signal = Signal(STAMP, arkit.weights({"jawOpen": 0.4, "mouthPucker": 0.12}), np.array([0.3, 0.0, 0.0], np.float32))
    params = retarget(signal, actor)
    back = to_weights(params)
    assert back[arkit.INDEX["jawOpen"]] == pytest.approx(0.6, abs=1e-5)
    assert back[arkit.INDEX["mouthPucker"]] == pytest.approx(0.0, abs=1e-5)
    np.testing.assert_allclose(params.neck_pose, [0.2, 0.0, 0.0], atol=1e-6)
    assert not retarget(Signal(STAMP, actor.neutral), actor).expression.any()


def test_retargeting_leaves_the_signal_alone() -> None:
    signal = Signal(STAMP, np.full(arkit.COUNT, 0.3, np.float32))
    before = signal.weights.copy()
    retarget(signal, Actor())
    assert np.array_equal(signal.weights, before)


def test_a_tilted_camera_leaves_a_turned_head_no_false_roll() -> None:
    tilt, yaw = np.array([0.3, 0.0, 0.0], np.float32), np.array([0.0, 0.5, 0.0], np.float32)
    turned = rotation(tilt) @ rotation(yaw)  # a turn to the left in a camera that looks down on the performer
    params = retarget(
        Signal(STAMP, np.zeros(arkit.COUNT, np.float32), turn_vector(turned).astype(np.float32)),
        Actor(neutral_rotation=tilt),
    )
    np.testing.assert_allclose(params.neck_pose, yaw, atol=1e-6)


def test_the_gaze_is_the_signals_and_is_calibrated_like_the_weights() -> None:
    looks = np.array([[0.1, 0.2], [0.1, 0.2]], np.float32)
    signal = Signal(STAMP, np.zeros(arkit.COUNT, np.float32), gaze=looks)
    np.testing.assert_allclose(retarget(signal, Actor()).eye_pose[:, :2], looks, atol=1e-6)
    used_to = Actor(neutral=weights_from_gaze(np.array([[0.2, 0.0], [0.2, 0.0]], np.float32)))
    pitch = retarget(signal, used_to).eye_pose[:, 0]
    np.testing.assert_allclose(pitch, [-0.1, -0.1], atol=0.02)  # Up and down have different scales.


def test_weights_do_not_jump_at_the_noise_floor_and_stay_well_above_it() -> None:
    actor = Actor(noise_floor=np.full(arkit.COUNT, 0.1, np.float32))

    def own(weight: float) -> float:
        signal = Signal(STAMP, arkit.weights({"jawOpen": weight}))
        return float(own_weights(signal, actor)[arkit.INDEX["jawOpen"]])

    steps = np.linspace(0.0, 1.0, 1001)
    values = np.array([own(one) for one in steps])
    assert not values[steps <= 0.1].any()
    np.testing.assert_allclose(values[steps >= 0.3], steps[steps >= 0.3], atol=1e-6)
    assert own(1.0) == 1.0
    climbs = np.diff(values) / np.diff(steps)
    assert climbs.min() >= -1e-3
    assert climbs.max() <= 1.5 + 1e-3  # Noise above the floor grows by at most a half.


def test_the_noise_floor_applies_below_rest_as_well() -> None:
    looks_down = arkit.weights({"eyeLookDownLeft": 0.5, "eyeLookDownRight": 0.5})
    floor = np.full(arkit.COUNT, 0.05, np.float32)
    signal = Signal(STAMP, np.zeros(arkit.COUNT, np.float32))
    own = own_weights(signal, Actor(neutral=looks_down, noise_floor=floor))
    assert own[arkit.INDEX["eyeLookDownLeft"]] == -0.5


def test_a_head_moves_forward_in_its_own_frame_before_a_camera_at_the_side() -> None:
    aside = np.array([0.0, np.radians(30.0), 0.0], np.float32)  # in the camera this actor looks to their left
    actor = Actor(neutral_rotation=aside, neutral_translation=np.array([0.0, 0.0, -0.5], np.float32))
    forward = 0.1 * np.array([np.sin(np.radians(30.0)), 0.0, np.cos(np.radians(30.0))], np.float32)
    signal = Signal(STAMP, np.zeros(arkit.COUNT, np.float32), aside, actor.neutral_translation + forward)
    np.testing.assert_allclose(retarget(signal, actor).translation, [0.0, 0.0, 0.1], atol=1e-6)


@pytest.mark.parametrize(("pitch", "yaw"), [(0.0, 0.0), (15.0, 0.0), (0.0, -20.0), (-10.0, 25.0)])
def test_the_cameras_angle_is_the_resting_heads(pitch: float, yaw: float) -> None:
    down = rotation(np.array([np.radians(pitch), 0.0, 0.0], np.float32))
    aside = rotation(np.array([0.0, np.radians(yaw), 0.0], np.float32))
    turn = aside @ down
    vector = np.zeros(3, np.float32) if pitch == yaw == 0.0 else turn_vector(turn).astype(np.float32)
    np.testing.assert_allclose(np.degrees(Actor(neutral_rotation=vector).camera_angle), [pitch, yaw], atol=1e-3)


# Gaze.


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


@given(st.lists(st.floats(-0.3125, 0.3125, width=32), min_size=4, max_size=4))
def test_angles_within_reach_come_back(angles: list[float]) -> None:
    gaze = np.array(angles, np.float32).reshape(2, 2)
    np.testing.assert_allclose(gaze_from_weights(weights_from_gaze(gaze)), gaze, atol=1e-5)


def test_angles_out_of_reach_stop_at_full_weight() -> None:
    weights = weights_from_gaze(np.array([[1.5, 0.0], [0.0, 0.0]], np.float32))
    assert weights.max() == weights[arkit.INDEX["eyeLookDownLeft"]] == 1.0
