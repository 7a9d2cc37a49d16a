"""Expressions rise, stay and fall on top of a performance; and the rules that recognize those of the performer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.source import EndOfSource
from omote.engine.capture.sources import open_source
from omote.engine.data import Actor, Array, FlameParams
from omote.engine.face.expressions import (
    EXPRESSION_NAMES,
    EXPRESSION_RULES,
    FALL_BELOW,
    MARKS,
    NAMED_EXPRESSIONS,
    Expression,
    ExpressionError,
    ExpressionRecognizer,
    Overlay,
    expression_weights,
    marks,
    with_weights_raised,
)
from omote.engine.face.retarget import from_weights, own_weights, to_weights

JAW = arkit.INDEX["jawOpen"]
OPEN = arkit.weights({"jawOpen": 0.8})
NOTHING = np.zeros(arkit.COUNT, np.float32)
S = 1_000_000_000


def jaw_at(expression: Expression, since_s: float, before: float = 0.0) -> float:
    shown = Expression(arkit.weights({"jawOpen": before})).full
    return float(expression.at(since_s, shown)[JAW])


def jaw_of(overlay: Overlay, at_s: float) -> float:
    return float(to_weights(overlay.over(FlameParams.neutral(), round(at_s * S))[0])[JAW])


@pytest.mark.parametrize(
    ("attack_s", "hold_s", "release_s", "jaws"),
    [
        (0.2, 1.0, 0.4, {-1.0: 0.0, 0.0: 0.0, 0.1: 0.4, 0.2: 0.8, 1.19: 0.8, 1.4: 0.4, 1.6: 0.0, 100.0: 0.0}),
        (0.2, None, 0.4, {1e6: 0.8}),
        (0.0, 1.0, 0.0, {0.0: 0.8, 0.999: 0.8, 1.0: 0.0}),
    ],
    ids=["rises, stays and falls", "stays until the next", "jumps"],
)
def test_an_expression_follows_its_times(
    attack_s: float, hold_s: float | None, release_s: float, jaws: dict[float, float]
) -> None:
    expression = Expression(OPEN, attack_s, hold_s, release_s)
    np.testing.assert_allclose([jaw_at(expression, s) for s in jaws], [*jaws.values()], atol=1e-6)


def test_it_never_moves_faster_than_a_soft_start_and_end_allow() -> None:
    expression = Expression(OPEN, attack_s=0.2, hold_s=0.1, release_s=0.4)
    jaws = np.array([jaw_at(expression, k / 1000.0) for k in range(800)])
    steepest = 1.5 * 0.8 / 200.0  # of 3x²-2x³, in a millisecond of the attack
    assert np.abs(np.diff(jaws)).max() <= steepest + 1e-6
    assert jaws.max() == np.float32(0.8)


def test_a_new_one_starts_from_what_is_shown() -> None:
    overlay = Overlay()
    overlay.show(Expression(OPEN, attack_s=0.2, hold_s=None))
    assert jaw_of(overlay, 5.0) == 0.0  # It starts with this picture.
    assert jaw_of(overlay, 5.1) == pytest.approx(0.4, abs=1e-6)
    overlay.show(Expression(arkit.weights({"mouthPucker": 1.0}), attack_s=0.2, hold_s=None))
    assert jaw_of(overlay, 5.1) == pytest.approx(0.4, abs=1e-6)
    assert jaw_of(overlay, 5.2) == pytest.approx(0.2, abs=1e-6)
    assert jaw_of(overlay, 5.4) == pytest.approx(0.0, abs=1e-6)


def test_of_several_new_expressions_the_newest_is_shown() -> None:
    overlay = Overlay()
    overlay.show(Expression(arkit.weights({"mouthPucker": 1.0}), attack_s=0.0))
    overlay.show(Expression(OPEN, attack_s=0.0))
    shown = to_weights(overlay.over(FlameParams.neutral(), 0)[0])
    np.testing.assert_allclose(shown, OPEN, atol=1e-6)


def test_it_is_added_to_the_performance_and_clipped_to_1() -> None:
    own = arkit.weights({"jawOpen": 0.5, "mouthSmileLeft": 0.5, "eyeBlinkLeft": 0.25, "eyeLookDownLeft": 0.25})
    added = arkit.weights({"jawOpen": 0.8, "eyeBlinkLeft": 0.5, "eyeLookDownLeft": 0.5})
    wanted = arkit.weights({"jawOpen": 1.0, "mouthSmileLeft": 0.5, "eyeBlinkLeft": 0.75, "eyeLookDownLeft": 0.75})
    np.testing.assert_allclose(to_weights(with_weights_raised(from_weights(own), added)), wanted, atol=1e-5)


def test_it_changes_neither_the_head_nor_a_still_face() -> None:
    turn, place = np.array([0.1, -0.2, 0.3], np.float32), np.array([0.0, 0.1, -0.5], np.float32)
    overlay, face = Overlay(), from_weights(arkit.weights({"mouthSmileLeft": 0.3}), None, turn, place)
    overlay.show(Expression(OPEN, attack_s=0.0, hold_s=None))
    first, later = overlay.over(face, 0)[0], overlay.over(face, 7 * S)[0]
    np.testing.assert_array_equal(first.vector(), later.vector())
    np.testing.assert_array_equal(first.neck_pose, turn)
    np.testing.assert_array_equal(first.translation, place)


def test_without_an_expression_a_face_stays_the_same_object() -> None:
    overlay, face = Overlay(), from_weights(OPEN)
    assert overlay.over(face, 0)[0] is face
    overlay.show(Expression(OPEN, attack_s=0.0, hold_s=0.5, release_s=0.5))
    assert overlay.over(face, 1 * S)[0] is not face
    assert overlay.over(face, 3 * S)[0] is face


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


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ExpressionError, match=r'called "grin": there are smile, laugh,'):
        expression_weights("grin")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        *(({"weights": np.full(arkit.COUNT, w)}, "52 weights from 0 to 1") for w in (-0.1, 1.1, math.nan, math.inf)),
        *(({"attack_s": s}, r"attack_s must be from 0 to 60 seconds") for s in (-0.1, 60.1, math.nan)),
        ({"hold_s": 60.1}, "hold_s must be"),
        ({"marks": np.full(len(MARKS), 1.5, np.float32)}, "6 marks from 0 to 1"),
    ],
)
def test_an_impossible_expression_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        Expression(**{"weights": OPEN, **fields})


def test_marks_come_and_go_as_expressions_do() -> None:
    overlay = Overlay()
    overlay.show(Expression(NOTHING, 0.0, None, marks=marks("blush")), "a")
    overlay.show(Expression(NOTHING, 0.2, 1.0, 0.4, marks("anger")), "b")
    at_s = (0.0, 0.2, 1.4, 2.0)
    shown = [overlay.over(FlameParams.neutral(), round(s * S))[1] for s in at_s]
    blush, anger = (np.array(shown)[:, MARKS.index(name)] for name in ("blush", "anger"))
    np.testing.assert_allclose(blush, 1.0)
    np.testing.assert_allclose(anger, (0.0, 1.0, 0.5, 0.0), atol=1e-6)


def test_each_name_is_a_face_or_a_mark() -> None:
    for name in EXPRESSION_NAMES:
        assert (name in NAMED_EXPRESSIONS) == bool(expression_weights(name).any())
        assert (name in MARKS) == bool(marks(name).any())


# Recognizing expressions.

MEDIA = Path(__file__).resolve().parents[4] / "shared" / "media"
PICTURE_NS = 33_000_000
BOTH_SMILE = ("mouthSmileLeft", "mouthSmileRight")
Spans = list[tuple[int, int]]


def face(**weights: float) -> Array:
    return arkit.weights(weights)


def smile(score: float) -> Array:
    return arkit.weights(dict.fromkeys(BOTH_SMILE, score))


def recognized(faces: list[Array], actor: Actor | None = None) -> list[tuple[str, ...]]:
    """The expressions in each of these pictures, 33 ms apart."""
    recognizer = ExpressionRecognizer(actor or Actor())
    return [recognizer.see(one, index * PICTURE_NS) for index, one in enumerate(faces)]


def spans(made: list[tuple[str, ...]], name: str) -> Spans:
    """The first and last picture of each occurrence."""
    is_made = [name in one for one in made]
    begins = [i for i, now in enumerate(is_made) if now and (i == 0 or not is_made[i - 1])]
    ends = [i for i, now in enumerate(is_made) if now and (i + 1 == len(is_made) or not is_made[i + 1])]
    return list(zip(begins, ends, strict=True))


def test_a_face_at_rest_has_no_expression() -> None:
    assert recognized([face()] * 30) == [()] * 30


def test_every_weight_of_a_rule_is_arkits() -> None:
    for rule in EXPRESSION_RULES.values():
        assert {name for part in rule.parts for name in part} | set(rule.against) <= set(arkit.NAMES)


def test_an_expression_begins_only_after_its_time_above_the_threshold() -> None:
    made = recognized([smile(0.9)] * 8)
    # 0.1 s is passed at the fourth step of 33 ms
    assert spans(made, "smile") == [(4, 7)]


def test_a_spike_of_one_picture_is_no_expression() -> None:
    assert not any(recognized([face(), smile(1.0), face(), smile(1.0), face()]))


def test_an_expression_on_the_border_does_not_flutter() -> None:
    threshold = EXPRESSION_RULES["smile"].threshold
    held = [smile(threshold + 0.01)] * 5 + [smile(threshold * (FALL_BELOW + 0.05)), smile(threshold + 0.01)] * 5
    assert spans(recognized(held), "smile") == [(4, 14)]
    assert spans(recognized([*held, smile(threshold * (FALL_BELOW - 0.05))]), "smile") == [(4, 14)]


def test_a_blink_needs_both_eyes_and_a_wink_one() -> None:
    both = recognized([face(eyeBlinkLeft=0.9, eyeBlinkRight=0.8)] * 6)
    assert spans(both, "blink") == [(0, 5)]
    assert not spans(both, "wink_left")
    left = recognized([face(eyeBlinkLeft=0.9, eyeBlinkRight=0.2)] * 8)
    assert not spans(left, "blink")
    assert spans(left, "wink_left") == [(5, 7)]
    assert not spans(left, "wink_right")


def test_surprise_needs_brows_and_mouth_and_no_smile() -> None:
    brows = {"browInnerUp": 0.9, "browOuterUpLeft": 0.9, "browOuterUpRight": 0.9}
    surprised = arkit.weights({**brows, "jawOpen": 0.7})
    assert spans(recognized([surprised] * 8), "surprise")
    assert not spans(recognized([arkit.weights(brows)] * 8), "surprise")
    assert spans(recognized([arkit.weights(brows)] * 8), "brow_raise")
    assert not spans(recognized([face(jawOpen=0.7)] * 8), "surprise")
    assert not spans(recognized([np.maximum(surprised, smile(0.6))] * 8), "surprise")


def test_the_tongue_is_recognized() -> None:
    assert spans(recognized([face(tongueOut=1.0)] * 8), "tongue")


def test_the_thresholds_of_the_actor_count() -> None:
    weak = [smile(0.3)] * 8
    assert not spans(recognized(weak), "smile")
    assert spans(recognized(weak, Actor(thresholds=(("smile", 0.25),))), "smile") == [(4, 7)]
    assert not spans(recognized([smile(0.5)] * 8, Actor(thresholds=(("smile", 0.6),))), "smile")


def test_without_a_face_it_starts_afresh() -> None:
    recognizer = ExpressionRecognizer(Actor())
    for index in range(8):
        recognizer.see(smile(0.9), index * PICTURE_NS)
    assert recognizer.miss() == ()
    assert recognizer.see(smile(0.9), 8 * PICTURE_NS) == ()


def filmed(clip: str) -> list[tuple[str, ...]]:
    """The expressions in each picture of a clip of a person without calibration."""
    if not (MEDIA / clip).is_file():
        pytest.skip("needs the clips in ../shared/media")
    try:
        models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))
    recognizer, actor = ExpressionRecognizer(Actor()), Actor()
    made: list[tuple[str, ...]] = []
    with open_source(str(MEDIA / clip), is_offline=True) as source:
        while True:
            try:
                signal = source.read(1.0)
            except EndOfSource:
                return made
            assert signal
            own = np.clip(own_weights(signal, actor), 0.0, 1.0)
            made.append(recognizer.see(own, signal.stamp.captured_ns))


def names(made: list[tuple[str, ...]]) -> set[str]:
    return {name for one in made for name in one}


# The spans below were found by eye, which is exact to a few pictures.


def test_a_filmed_smile_and_blink_are_seen_and_nothing_else() -> None:
    made = filmed("d0.mp4")
    assert names(made) == {"smile", "blink"}
    ((first, last),) = spans(made, "smile")
    assert 20 <= first <= 26 and 62 <= last <= 69
    assert len(spans(made, "blink")) == 1


def test_a_filmed_talker_is_surprised_once_and_blinks_three_times() -> None:
    made = filmed("d12.mp4")
    assert not names(made) & {"wink_left", "wink_right", "frown", "puff", "tongue"}
    ((first, last),) = spans(made, "surprise")  # the one wide-eyed "oh", not the raised brows of speech
    assert 115 <= first <= 124 and 128 <= last <= 136
    assert len(spans(made, "brow_raise")) <= 1  # the one before the first word
    blinks = spans(made, "blink")
    assert [any(first - 2 <= at <= last + 2 for first, last in blinks) for at in (50, 93, 136)] == [True] * 3
    assert len(blinks) == 3


def test_a_filmed_grimace_is_no_surprise_and_low_brows_are_no_frown() -> None:
    made = filmed("d18.mp4")
    assert not names(made) & {"surprise", "frown", "wink_left", "wink_right", "brow_raise", "puff", "tongue"}
    assert any(first <= 80 <= last for first, last in spans(made, "open_mouth"))
    blinks = spans(made, "blink")
    assert [any(first - 2 <= at <= last + 2 for first, last in blinks) for at in (96, 187)] == [True] * 2
    assert len(blinks) == 2
