"""Expressions that somebody asks for come, stay and go, on top of whatever is performed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.expressions import (
    EXPRESSION_NAMES,
    MARKS,
    NAMED_EXPRESSIONS,
    Expression,
    ExpressionError,
    Overlay,
    expression_weights,
    marks,
    with_weights_raised,
)
from omote.engine.face.retarget import from_weights, to_weights

JAW = arkit.INDEX["jawOpen"]
OPEN = arkit.weights({"jawOpen": 0.8})
NOTHING = np.zeros(arkit.COUNT, np.float32)
S = 1_000_000_000


def jaw_at(expression: Expression, since_s: float, before: float = 0.0) -> float:
    shown = Expression(arkit.weights({"jawOpen": before})).whole
    return float(expression.at(since_s, shown)[JAW])


def jaw_of(overlay: Overlay, at_s: float) -> float:
    return float(to_weights(overlay.over(FlameParams.neutral(), round(at_s * S))[0])[JAW])


def test_an_expression_rises_stays_and_falls() -> None:
    expression = Expression(OPEN, attack_s=0.2, hold_s=1.0, release_s=0.4)
    at_s = (-1.0, 0.0, 0.1, 0.2, 1.19, 1.4, 1.6, 100.0)
    wanted = (0.0, 0.0, 0.4, 0.8, 0.8, 0.4, 0.0, 0.0)
    np.testing.assert_allclose([jaw_at(expression, s) for s in at_s], wanted, atol=1e-6)


def test_it_never_moves_faster_than_a_soft_start_and_end_allow() -> None:
    expression = Expression(OPEN, attack_s=0.2, hold_s=0.1, release_s=0.4)
    jaws = np.array([jaw_at(expression, k / 1000.0) for k in range(800)])
    steepest = 1.5 * 0.8 / 200.0  # of 3x²-2x³, in a millisecond of the attack
    assert np.abs(np.diff(jaws)).max() <= steepest + 1e-6
    assert jaws.max() == np.float32(0.8)


def test_without_an_end_it_stays_until_the_next() -> None:
    assert jaw_at(Expression(OPEN, hold_s=None), 1e6) == np.float32(0.8)


def test_no_time_at_all_is_a_jump() -> None:
    sudden = Expression(OPEN, attack_s=0.0, hold_s=1.0, release_s=0.0)
    assert [jaw_at(sudden, s) for s in (0.0, 0.999, 1.0)] == [np.float32(0.8), np.float32(0.8), 0.0]


def test_a_new_one_takes_over_from_what_is_shown_at_that_moment() -> None:
    overlay = Overlay()
    overlay.show(Expression(OPEN, attack_s=0.2, hold_s=None))
    assert jaw_of(overlay, 5.0) == 0.0  # it begins with this picture
    assert jaw_of(overlay, 5.1) == pytest.approx(0.4, abs=1e-6)
    overlay.show(Expression(arkit.weights({"mouthPucker": 1.0}), attack_s=0.2, hold_s=None))
    assert jaw_of(overlay, 5.1) == pytest.approx(0.4, abs=1e-6)
    assert jaw_of(overlay, 5.2) == pytest.approx(0.2, abs=1e-6)
    assert jaw_of(overlay, 5.4) == pytest.approx(0.0, abs=1e-6)


def test_of_several_that_were_asked_for_the_newest_is_shown() -> None:
    overlay = Overlay()
    overlay.show(Expression(arkit.weights({"mouthPucker": 1.0}), attack_s=0.0))
    overlay.show(Expression(OPEN, attack_s=0.0))
    shown = to_weights(overlay.over(FlameParams.neutral(), 0)[0])
    np.testing.assert_allclose(shown, OPEN, atol=1e-6)


def test_it_is_added_to_what_the_performer_does_and_held_to_1() -> None:
    own = arkit.weights({"jawOpen": 0.5, "mouthSmileLeft": 0.5, "eyeBlinkLeft": 0.25, "eyeLookDownLeft": 0.25})
    added = arkit.weights({"jawOpen": 0.8, "eyeBlinkLeft": 0.5, "eyeLookDownLeft": 0.5})
    wanted = arkit.weights({"jawOpen": 1.0, "mouthSmileLeft": 0.5, "eyeBlinkLeft": 0.75, "eyeLookDownLeft": 0.75})
    np.testing.assert_allclose(to_weights(with_weights_raised(from_weights(own), added)), wanted, atol=1e-5)


def test_it_leaves_head_and_place_alone() -> None:
    turn, place = np.array([0.1, -0.2, 0.3], np.float32), np.array([0.0, 0.1, -0.5], np.float32)
    shown = with_weights_raised(from_weights(NOTHING, None, turn, place), OPEN)
    np.testing.assert_array_equal(shown.neck_pose, turn)
    np.testing.assert_array_equal(shown.translation, place)


def test_without_an_expression_a_face_stays_the_same_object() -> None:
    overlay, face = Overlay(), from_weights(OPEN)
    assert overlay.over(face, 0)[0] is face
    overlay.show(Expression(OPEN, attack_s=0.0, hold_s=0.5, release_s=0.5))
    assert overlay.over(face, 1 * S)[0] is not face
    assert overlay.over(face, 3 * S)[0] is face


def test_while_it_stays_a_still_face_stays_still() -> None:
    overlay, face = Overlay(), from_weights(arkit.weights({"mouthSmileLeft": 0.3}))
    overlay.show(Expression(OPEN, attack_s=0.0, hold_s=None))
    first, later = overlay.over(face, 0)[0].vector(), overlay.over(face, 7 * S)[0].vector()
    np.testing.assert_array_equal(first, later)


def test_a_wink_shuts_one_eye_and_the_subjects_left_is_left() -> None:
    left = with_weights_raised(FlameParams.neutral(), expression_weights("wink_left")).eyelids
    right = with_weights_raised(FlameParams.neutral(), expression_weights("wink_right")).eyelids
    assert left.tolist() == [1.0, 0.0] == right.tolist()[::-1]


@pytest.mark.parametrize("name", NAMED_EXPRESSIONS)
def test_each_named_expression_is_one_and_no_two_are_alike(name: str) -> None:
    Expression(expression_weights(name))
    assert all(
        np.abs(expression_weights(name) - expression_weights(other)).max() > 0.3
        for other in NAMED_EXPRESSIONS
        if other != name
    )


def test_an_unknown_name_is_told_which_there_are() -> None:
    with pytest.raises(ExpressionError, match=r'called "grin": there are smile, laugh,'):
        expression_weights("grin")


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan, math.inf])
def test_a_weight_that_no_face_has_is_refused(weight: float) -> None:
    with pytest.raises(ExpressionError, match="52 weights from 0 to 1"):
        Expression(arkit.weights({"jawOpen": weight}))


@pytest.mark.parametrize("seconds", [-0.1, 60.1, math.nan])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ExpressionError, match=r"attack_s must be from 0 to 60 seconds"):
        Expression(OPEN, attack_s=seconds)
    with pytest.raises(ExpressionError, match="hold_s"):
        Expression(OPEN, hold_s=seconds)


def test_marks_come_and_go_as_expressions_do() -> None:
    overlay = Overlay()
    overlay.show(Expression(NOTHING, 0.0, None, marks=marks("blush")), "a")
    overlay.show(Expression(NOTHING, 0.2, 1.0, 0.4, marks("anger")), "b")
    at_s = (0.0, 0.2, 1.4, 2.0)
    shown = [overlay.over(FlameParams.neutral(), round(s * S))[1] for s in at_s]
    blush, anger = (np.array(shown)[:, MARKS.index(name)] for name in ("blush", "anger"))
    np.testing.assert_allclose(blush, 1.0)
    np.testing.assert_allclose(anger, (0.0, 1.0, 0.5, 0.0), atol=1e-6)


def test_what_may_be_asked_for_is_a_face_or_a_mark() -> None:
    for name in EXPRESSION_NAMES:
        assert (name in NAMED_EXPRESSIONS) == bool(expression_weights(name).any())
        assert (name in MARKS) == bool(marks(name).any())


def test_a_mark_beyond_one_is_refused() -> None:
    with pytest.raises(ExpressionError, match="6 marks from 0 to 1"):
        Expression(NOTHING, marks=np.full(len(MARKS), 1.5, np.float32))
