"""A tuning applied to a face with known weights, turn and shift."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Actor, Signal, Stamp
from omote.engine.face.performance import Performance
from omote.engine.face.retarget import OwnFace, gaze_from_weights, params_of_own_face, to_weights
from omote.engine.face.tuning import (
    MOST_GAIN,
    MOST_TURN_RAD,
    RAMP_S,
    REGIONS,
    Ramp,
    Tuning,
    TuningFilter,
    mirrored_face,
)

FRAME_NS = 33_333_333
OWN = OwnFace(
    arkit.weights(
        {"mouthSmileLeft": 0.4, "jawOpen": 0.3, "jawRight": 0.2, "eyeBlinkRight": 0.6, "eyeLookOutLeft": 0.5}
    ),
    np.array([0.1, -0.2, 0.05], np.float32),
    np.array([0.01, 0.02, -0.03], np.float32),
)


def tuned(changes: dict[str, object], own: OwnFace = OWN) -> OwnFace:
    return TuningFilter(Tuning().changed(changes)).shaped(own, 0)


def weight(own: OwnFace, name: str) -> float:
    return float(own.weights[arkit.INDEX[name]])


def same(first: OwnFace, second: OwnFace) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("weights", "turn", "shift"))


def test_the_usual_tuning_changes_nothing() -> None:
    assert same(tuned({}), OWN)


@pytest.mark.parametrize("region", REGIONS)
def test_a_gain_is_that_of_its_region_and_of_no_other(region: str) -> None:
    half = OwnFace(np.full(arkit.COUNT, 0.5, np.float32), OWN.turn, OWN.shift)
    shaped = tuned({"gain": {region: 1.5}}, half)
    for name in arkit.NAMES:
        assert weight(shaped, name) == pytest.approx(0.75 if name in REGIONS[region] else 0.5)
    np.testing.assert_array_equal(shaped.turn, half.turn)


def test_no_gain_takes_a_weight_beyond_full() -> None:
    assert weight(tuned({"gain": {"mouth": MOST_GAIN}}), "mouthSmileLeft") == 1.0
    assert to_weights(params_of_own_face(tuned({"gain": {"mouth": MOST_GAIN}}))).max() <= 1.0 + 1e-5  # float32


def test_the_gain_of_the_gaze_turns_the_eyes_by_as_much() -> None:
    before, after = params_of_own_face(OWN).eye_pose, params_of_own_face(tuned({"gain": {"gaze": 0.5}})).eye_pose
    np.testing.assert_allclose(after, 0.5 * before, atol=1e-7)
    strong = params_of_own_face(tuned({"gain": {"gaze": MOST_GAIN}})).eye_pose
    full = gaze_from_weights(arkit.weights({"eyeLookOutLeft": 1.0}))
    assert strong[0, 1] == pytest.approx(float(full[0, 1]))


def test_the_strength_of_the_head_scales_its_turn_up_to_what_can_be_drawn() -> None:
    still = tuned({"head": 0.0})
    assert not still.turn.any()
    assert not still.shift.any()
    np.testing.assert_allclose(tuned({"head": 2.0}).turn, 2.0 * OWN.turn)
    far = OwnFace(OWN.weights, np.array([0.0, 0.5, 0.0], np.float32), OWN.shift)
    assert tuned({"head": MOST_GAIN}, far).turn[1] == pytest.approx(MOST_TURN_RAD)
    beyond = OwnFace(OWN.weights, np.array([0.0, 1.2, 0.0], np.float32), OWN.shift)
    assert tuned({"head": MOST_GAIN}, beyond).turn[1] == pytest.approx(1.2)


def test_a_mirror_swaps_the_sides_of_face_gaze_and_head() -> None:
    shaped = tuned({"mirror": True})
    wanted = {"mouthSmileRight": 0.4, "jawOpen": 0.3, "jawLeft": 0.2, "eyeBlinkLeft": 0.6, "eyeLookOutRight": 0.5}
    np.testing.assert_array_equal(shaped.weights, arkit.weights(wanted))
    plain, other = params_of_own_face(OWN).eye_pose, params_of_own_face(shaped).eye_pose
    np.testing.assert_allclose(other, plain[::-1] * (1.0, -1.0, 1.0), atol=1e-7)
    np.testing.assert_allclose(shaped.turn, [0.1, 0.2, -0.05], atol=1e-7)
    np.testing.assert_allclose(shaped.shift, [-0.01, 0.02, -0.03], atol=1e-7)


def test_a_mirror_in_a_mirror_is_the_face_itself() -> None:
    assert same(mirrored_face(mirrored_face(OWN)), OWN)


def signal(index: int) -> Signal:
    weights = arkit.weights({"mouthSmileLeft": 0.5, "jawOpen": 0.4})
    return Signal(Stamp(index, index * FRAME_NS, 0), weights, np.array([0.1, 0.3, 0.1], np.float32))


def test_no_change_while_live_makes_the_face_jump() -> None:
    performance = Performance(Actor())
    changes: dict[str, object] = {"mirror": True, "head": 2.0, "gain": {"jaw": 2.0}, "smoothing": {"mouth": 0.0}}
    shown = []
    for index in range(30):
        if index == 10:
            performance.tune(Tuning().changed(changes))
        shown.append(performance.follow(signal(index)).params)
    steps = [np.abs(to_weights(later) - to_weights(earlier)).max() for earlier, later in pairwise(shown)]
    turns = [np.abs(later.neck_pose - earlier.neck_pose).max() for earlier, later in pairwise(shown)]
    pictures = RAMP_S * 1e9 / FRAME_NS
    assert max(steps) < 0.5 / pictures + 0.02
    assert max(turns) < 1.5 / pictures + 0.02  # strength and mirror at once: 0.3 (1 + s) (1 - 2 s), steepest at the end
    assert to_weights(shown[-1])[arkit.INDEX["mouthSmileRight"]] == pytest.approx(0.5, abs=1e-5)
    assert to_weights(shown[-1])[arkit.INDEX["jawOpen"]] == pytest.approx(0.8, abs=1e-5)
    np.testing.assert_allclose(shown[-1].neck_pose, [0.2, -0.6, -0.2], atol=1e-6)


def test_the_tuning_does_not_change_what_is_recognized() -> None:
    performance = Performance(Actor(), Tuning().changed({"gain": {"mouth": 0.0}, "mirror": True}))
    smile = arkit.weights({"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9})
    for index in range(10):
        face = performance.follow(Signal(Stamp(index, index * FRAME_NS, 0), smile))
    assert face.recognised == ("smile",)
    assert not to_weights(face.params)[arkit.INDEX["mouthSmileLeft"]]


def test_a_ramp_is_even_and_arrives() -> None:
    ramp = Ramp(np.array([1.0]), duration_s=0.2)
    ramp.set_target(np.array([3.0]))
    assert [round(float(ramp.at(ms * 1_000_000)[0]), 6) for ms in (0, 50, 100, 200, 300)] == [1.0, 1.5, 2.0, 3.0, 3.0]


def test_a_new_target_is_reached_from_the_current_numbers() -> None:
    ramp = Ramp(np.array([0.0]), duration_s=0.2)
    ramp.set_target(np.array([1.0]))
    ramp.at(0)
    ramp.at(100_000_000)
    ramp.set_target(np.array([0.0]))
    assert float(ramp.at(120_000_000)[0]) == pytest.approx(0.5)
    assert float(ramp.at(220_000_000)[0]) == pytest.approx(0.25)


def test_a_clock_that_goes_back_delays_no_number_beyond_the_duration() -> None:
    ramp = Ramp(np.array([0.0]), duration_s=0.2)
    ramp.set_target(np.array([1.0]))
    ramp.at(10**12)
    assert float(ramp.at(0)[0]) == 0.0
    assert float(ramp.at(200_000_000)[0]) == 1.0
