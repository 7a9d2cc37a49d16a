"""A performance: the tracked face, expressions on top of it, and the neutral face."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Actor, FlameParams, Signal, Stamp
from omote.engine.face.expressions import Expression
from omote.engine.face.performance import NoFaceError, Performance, PerformedFace, RecentFaces
from omote.engine.face.presence import Phase
from omote.engine.face.retarget import to_weights

FRAME_NS = 33_333_333
REST = arkit.weights({"mouthFrownLeft": 0.2, "browInnerUp": 0.1, "jawOpen": 0.05})
TURN = np.array([0.05, -0.1, 0.02], np.float32)
PLACE = np.array([0.01, -0.02, -0.5], np.float32)
GAZE = np.array([[0.1, -0.05], [0.1, -0.05]], np.float32)


def signal(index: int, confidence: float = 1.0, jaw: float = 0.05) -> Signal:
    weights = REST.copy()
    weights[arkit.INDEX["jawOpen"]] = jaw
    return Signal(Stamp(index, index * FRAME_NS, 0), weights, TURN, PLACE, GAZE, confidence)


def followed(performance: Performance, first: int, last: int) -> PerformedFace:
    for index in range(first, last + 1):
        shown = performance.follow(signal(index))
    return shown


def test_after_recalibrating_the_face_of_that_moment_is_the_neutral_one() -> None:
    performance = Performance(Actor())
    before = followed(performance, 0, 30)
    performance.recalibrate()
    after = performance.follow(signal(31))
    assert np.abs(to_weights(before.params)).max() > 0.1
    np.testing.assert_allclose(after.params.vector(), FlameParams.neutral().vector(), atol=1e-6)


def test_only_the_last_half_second_counts() -> None:
    performance = Performance(Actor())
    for index in range(30):
        performance.follow(signal(index, jaw=1.0))
    followed(performance, 30, 46)  # 16 pictures of a 30th of a second after the last wide mouth
    performance.recalibrate()
    assert to_weights(performance.follow(signal(47)).params).max() < 1e-5


def test_without_a_face_nothing_is_recalibrated() -> None:
    performance = Performance(Actor())
    with pytest.raises(NoFaceError, match="no face was seen"):
        performance.recalibrate()
    followed(performance, 0, 10)
    for index in range(11, 30):
        performance.follow(signal(index, confidence=0.0))
    with pytest.raises(NoFaceError):
        performance.recalibrate()


def test_a_source_that_falls_silent_leaves_no_face_to_recalibrate() -> None:
    performance = Performance(Actor())
    followed(performance, 0, 10)
    performance.wait(signal(10).stamp.captured_ns + 600_000_000)
    with pytest.raises(NoFaceError):
        performance.recalibrate()


def test_gains_stay_after_recalibrating() -> None:
    performance = Performance(Actor(gain=np.full(arkit.COUNT, 2.0, np.float32)))
    followed(performance, 0, 30)
    performance.recalibrate()
    opened = performance.follow(signal(60, jaw=0.25))  # After a gap nothing is smoothed.
    assert opened.shown.phase is Phase.FOLLOWING
    assert to_weights(opened.params)[arkit.INDEX["jawOpen"]] == pytest.approx(0.4, abs=1e-5)


def test_the_neutral_face_is_forgotten_for_another_performer() -> None:
    performance, untouched = Performance(Actor()), Performance(Actor())
    followed(performance, 0, 30)
    performance.recalibrate()
    performance.forget_rest()
    expected = untouched.follow(signal(60))
    np.testing.assert_allclose(performance.follow(signal(60)).params.vector(), expected.params.vector(), atol=1e-6)


def test_an_expression_moves_a_face_that_is_followed_and_one_that_idles() -> None:
    performance = Performance(Actor())
    performance.express(Expression(arkit.weights({"cheekPuff": 0.7}), attack_s=0.0, hold_s=None))
    idle = performance.wait(0)
    assert idle.presence == 0.0
    assert to_weights(idle.params)[arkit.INDEX["cheekPuff"]] == pytest.approx(0.7, abs=1e-5)
    following = followed(performance, 60, 90)
    assert following.presence == 1.0
    shown = to_weights(following.params)
    assert shown[arkit.INDEX["cheekPuff"]] == pytest.approx(0.7, abs=1e-5)
    assert shown[arkit.INDEX["mouthFrownLeft"]] == pytest.approx(0.2, abs=1e-5)


def test_a_lost_face_does_not_ease_from_an_expression() -> None:
    with_one, without = Performance(Actor()), Performance(Actor())
    with_one.express(Expression(arkit.weights({"jawOpen": 1.0}), attack_s=0.0, hold_s=0.5, release_s=0.0))
    for index in range(60):
        one = with_one.follow(signal(index, confidence=float(index < 30)))
        other = without.follow(signal(index, confidence=float(index < 30)))
    np.testing.assert_array_equal(one.params.vector(), other.params.vector())


def recent_faces(*blinks: float) -> RecentFaces:
    recent = RecentFaces()
    for index, blink in enumerate(blinks):
        weights = arkit.weights({"jawOpen": 0.1, "eyeBlinkLeft": blink, "eyeBlinkRight": blink})
        recent.add(index * FRAME_NS, Signal(Stamp(index, index * FRAME_NS, 0), weights))
    return recent


def test_a_blink_does_not_change_the_neutral_face() -> None:
    actor = recent_faces(*[0.1] * 5, 0.6, 1.0, 0.9, 0.4, *[0.1] * 5).at_rest(Actor("ana"))
    assert actor.name == "ana"
    assert actor.neutral[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(0.1)
    assert actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(0.1)


def test_the_rest_of_a_calibration_stays() -> None:
    known = Actor(gain=np.full(arkit.COUNT, 2.0, np.float32), thresholds=(("smile", 0.4),))
    actor = recent_faces(0.1, 0.1).at_rest(known)
    assert (actor.gain == 2.0).all()
    assert actor.thresholds == known.thresholds


def test_a_neutral_weight_is_clipped_to_its_range() -> None:
    recent = RecentFaces()
    recent.add(0, Signal(Stamp(0, 0, 0), np.full(arkit.COUNT, -0.01, np.float32)))
    assert not recent.at_rest(Actor()).neutral.any()


def test_without_a_face_there_is_no_neutral_face() -> None:
    with pytest.raises(NoFaceError, match="look into the camera"):
        RecentFaces().at_rest(Actor())
