"""Expressions are told by rules over an actor's own weights: exact with made-up faces, and true of filmed ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.source import EndOfSource
from omote.engine.capture.sources import open_source
from omote.engine.data import Actor, Array
from omote.engine.face.expressions import EXPRESSION_RULES, FALL_BELOW, ExpressionRecognizer
from omote.engine.face.retarget import own_weights

MEDIA = Path(__file__).resolve().parents[4] / "shared" / "media"
PICTURE_NS = 33_000_000
BOTH_SMILE = ("mouthSmileLeft", "mouthSmileRight")
Spans = list[tuple[int, int]]


def face(**weights: float) -> Array:
    return arkit.weights(weights)


def smile(score: float) -> Array:
    return arkit.weights(dict.fromkeys(BOTH_SMILE, score))


def seen(faces: list[Array], actor: Actor | None = None) -> list[tuple[str, ...]]:
    """What is recognised at each of these pictures, 33 ms apart."""
    recognition = ExpressionRecognizer(actor or Actor())
    return [recognition.see(one, index * PICTURE_NS) for index, one in enumerate(faces)]


def spans(made: list[tuple[str, ...]], name: str) -> Spans:
    """The first and last picture of each time that it was made."""
    is_made = [name in one for one in made]
    begins = [i for i, now in enumerate(is_made) if now and (i == 0 or not is_made[i - 1])]
    ends = [i for i, now in enumerate(is_made) if now and (i + 1 == len(is_made) or not is_made[i + 1])]
    return list(zip(begins, ends, strict=True))


def test_a_face_at_rest_makes_nothing() -> None:
    assert seen([face()] * 30) == [()] * 30


def test_every_weight_of_a_rule_is_arkits() -> None:
    for rule in EXPRESSION_RULES.values():
        assert {name for part in rule.parts for name in part} | set(rule.against) <= set(arkit.NAMES)


def test_an_expression_begins_only_after_its_time_above_the_threshold() -> None:
    made = seen([smile(0.9)] * 8)
    # 0.1 s is passed at the fourth step of 33 ms
    assert spans(made, "smile") == [(4, 7)]


def test_a_spike_of_one_picture_is_no_expression() -> None:
    assert not any(seen([face(), smile(1.0), face(), smile(1.0), face()]))


def test_an_expression_on_the_border_does_not_flutter() -> None:
    threshold = EXPRESSION_RULES["smile"].threshold
    held = [smile(threshold + 0.01)] * 5 + [smile(threshold * (FALL_BELOW + 0.05)), smile(threshold + 0.01)] * 5
    assert spans(seen(held), "smile") == [(4, 14)]
    assert spans(seen([*held, smile(threshold * (FALL_BELOW - 0.05))]), "smile") == [(4, 14)]


def test_a_blink_wants_both_eyes_and_a_wink_one() -> None:
    both = seen([face(eyeBlinkLeft=0.9, eyeBlinkRight=0.8)] * 6)
    assert spans(both, "blink") == [(0, 5)]
    assert not spans(both, "wink_left")
    left = seen([face(eyeBlinkLeft=0.9, eyeBlinkRight=0.2)] * 8)
    assert not spans(left, "blink")
    assert spans(left, "wink_left") == [(5, 7)]
    assert not spans(left, "wink_right")


def test_surprise_wants_brows_and_mouth_and_no_smile() -> None:
    brows = {"browInnerUp": 0.9, "browOuterUpLeft": 0.9, "browOuterUpRight": 0.9}
    surprised = arkit.weights({**brows, "jawOpen": 0.7})
    assert spans(seen([surprised] * 8), "surprise")
    assert not spans(seen([arkit.weights(brows)] * 8), "surprise")
    assert spans(seen([arkit.weights(brows)] * 8), "brow_raise")
    assert not spans(seen([face(jawOpen=0.7)] * 8), "surprise")
    assert not spans(seen([np.maximum(surprised, smile(0.6))] * 8), "surprise")


def test_the_tongue_is_told_where_the_source_says_it() -> None:
    assert spans(seen([face(tongueOut=1.0)] * 8), "tongue")


def test_the_thresholds_of_the_actor_count() -> None:
    weak = [smile(0.3)] * 8
    assert not spans(seen(weak), "smile")
    assert spans(seen(weak, Actor(thresholds=(("smile", 0.25),))), "smile") == [(4, 7)]
    assert not spans(seen([smile(0.5)] * 8, Actor(thresholds=(("smile", 0.6),))), "smile")


def test_nobody_makes_anything_and_starts_afresh() -> None:
    recognition = ExpressionRecognizer(Actor())
    for index in range(8):
        recognition.see(smile(0.9), index * PICTURE_NS)
    assert recognition.miss() == ()
    assert recognition.see(smile(0.9), 8 * PICTURE_NS) == ()


def filmed(clip: str) -> list[tuple[str, ...]]:
    """What is recognised in each picture of a clip, of somebody whom nobody calibrated."""
    if not (MEDIA / clip).is_file():
        pytest.skip("needs the clips in ../shared/media")
    try:
        models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))
    recognition, actor = ExpressionRecognizer(Actor()), Actor()
    made: list[tuple[str, ...]] = []
    with open_source(str(MEDIA / clip), is_offline=True) as source:
        while True:
            try:
                signal = source.read(1.0)
            except EndOfSource:
                return made
            assert signal
            own = np.clip(own_weights(signal, actor), 0.0, 1.0)
            made.append(recognition.see(own, signal.stamp.captured_ns))


def names(made: list[tuple[str, ...]]) -> set[str]:
    return {name for one in made for name in one}


# The spans below were read off the pictures by eye; a few pictures either way are how soon a person would say so.


def test_a_filmed_smile_and_blink_are_seen_and_nothing_else() -> None:
    made = filmed("d0.mp4")
    assert names(made) == {"smile", "blink"}
    ((first, last),) = spans(made, "smile")
    assert 20 <= first <= 26 and 62 <= last <= 69
    assert len(spans(made, "blink")) == 1


def test_a_filmed_talker_is_surprised_once_and_blinks_three_times() -> None:
    made = filmed("d12.mp4")
    assert not names(made) & {"wink_left", "wink_right", "frown", "puff", "tongue"}
    ((first, last),) = spans(made, "surprise")  # the one wide-eyed "oh", not the raised brows of a talker
    assert 115 <= first <= 124 and 128 <= last <= 136
    assert len(spans(made, "brow_raise")) <= 1  # the one at the beginning, where nothing is said
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
