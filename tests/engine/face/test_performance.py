"""A performance: what is seen, what somebody asks for on top of it, and the face at rest."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Actor, FlameParams, Signal, Stamp
from omote.engine.face.expressions import Expression
from omote.engine.face.performance import NoFaceError, Performance, PerformedFace
from omote.engine.face.presence import Phase
from omote.engine.face.retarget import to_weights

FRAME_NS = 33_333_333
REST = arkit.weights({"mouthFrownLeft": 0.2, "browInnerUp": 0.1, "jawOpen": 0.05})
TURN = np.array([0.05, -0.1, 0.02], np.float32)
PLACE = np.array([0.01, -0.02, -0.5], np.float32)
GAZE = np.array([[0.1, -0.05], [0.1, -0.05]], np.float32)


def seen(index: int, confidence: float = 1.0, jaw: float = 0.05) -> Signal:
    weights = REST.copy()
    weights[arkit.INDEX["jawOpen"]] = jaw
    return Signal(Stamp(index, index * FRAME_NS, 0), weights, TURN, PLACE, GAZE, confidence)


def followed(performance: Performance, first: int, last: int) -> PerformedFace:
    for index in range(first, last + 1):
        shown = performance.follow(seen(index))
    return shown


def test_after_recalibrating_the_face_of_that_moment_is_the_neutral_one() -> None:
    performance = Performance(Actor())
    before = followed(performance, 0, 30)
    performance.recalibrate()
    after = performance.follow(seen(31))
    assert np.abs(to_weights(before.params)).max() > 0.1
    np.testing.assert_allclose(after.params.vector(), FlameParams.neutral().vector(), atol=1e-6)


def test_only_the_last_half_second_counts() -> None:
    performance = Performance(Actor())
    for index in range(30):
        performance.follow(seen(index, jaw=1.0))
    followed(performance, 30, 46)  # 16 pictures of a 30th of a second after the last wide mouth
    performance.recalibrate()
    assert to_weights(performance.follow(seen(47)).params).max() < 1e-5


def test_without_a_face_nothing_is_recalibrated() -> None:
    performance = Performance(Actor())
    with pytest.raises(NoFaceError, match="no face was seen"):
        performance.recalibrate()
    followed(performance, 0, 10)
    for index in range(11, 30):
        performance.follow(seen(index, confidence=0.0))
    with pytest.raises(NoFaceError):
        performance.recalibrate()


def test_a_source_that_falls_silent_leaves_no_face_to_recalibrate() -> None:
    performance = Performance(Actor())
    followed(performance, 0, 10)
    performance.wait(seen(10).stamp.captured_ns + 600_000_000)
    with pytest.raises(NoFaceError):
        performance.recalibrate()


def test_gains_stay_when_the_rest_is_taken_anew() -> None:
    performance = Performance(Actor(gain=np.full(arkit.COUNT, 2.0, np.float32)))
    followed(performance, 0, 30)
    performance.recalibrate()
    opened = performance.follow(seen(60, jaw=0.25))  # after a gap nothing is smoothed
    assert opened.shown.phase is Phase.FOLLOWING
    assert to_weights(opened.params)[arkit.INDEX["jawOpen"]] == pytest.approx(0.4, abs=1e-5)


def test_for_another_performer_the_rest_is_forgotten() -> None:
    performance, untouched = Performance(Actor()), Performance(Actor())
    followed(performance, 0, 30)
    performance.recalibrate()
    performance.forget_rest()
    expected = untouched.follow(seen(60))
    np.testing.assert_allclose(performance.follow(seen(60)).params.vector(), expected.params.vector(), atol=1e-6)


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


def test_an_expression_is_no_part_of_what_a_lost_face_eases_from() -> None:
    with_one, without = Performance(Actor()), Performance(Actor())
    with_one.express(Expression(arkit.weights({"jawOpen": 1.0}), attack_s=0.0, hold_s=0.5, release_s=0.0))
    for index in range(60):
        one = with_one.follow(seen(index, confidence=float(index < 30)))
        other = without.follow(seen(index, confidence=float(index < 30)))
    np.testing.assert_array_equal(one.params.vector(), other.params.vector())
