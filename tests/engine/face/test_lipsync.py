"""A voice in the mouth: the shapes of visemes, and how they are mixed with the mouth that a camera sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Actor, Array, FlameParams, Signal, Stamp
from omote.engine.face.lipsync import VISEMES, Voice, VoiceError, VoiceMixer, VoiceTuning, mouth_of
from omote.engine.face.performance import Performance
from omote.engine.face.presence import Phase, PresentedFace
from omote.engine.face.retarget import from_weights, to_weights

STEP_NS = 16_666_667
CAMERA = arkit.weights({"mouthSmileLeft": 0.5, "browInnerUp": 0.4, "jawOpen": 0.1, "eyeBlinkLeft": 0.2})


def viseme(name: str) -> Array:
    return np.asarray(np.eye(len(VISEMES))[VISEMES.index(name)], np.float32)


def voice(index: int, name: str = "A", level_db: float = -25.0) -> Voice:
    return Voice(index * STEP_NS, viseme(name), level_db)


def face(weights: Array = CAMERA, presence: float = 1.0) -> PresentedFace:
    return PresentedFace(from_weights(weights), presence, Phase.FOLLOWING if presence else Phase.IDLE)


def mixed(
    mixer: VoiceMixer, seconds: float, name: str = "A", level_db: float = -25.0, presence: float = 1.0, first: int = 0
) -> dict[str, float]:
    """The weights after so many seconds of this viseme."""
    for index in range(first, first + round(seconds / (STEP_NS / 1e9))):
        shown, _ = mixer.mix(face(presence=presence), voice(index, name, level_db))
    return dict(zip(arkit.NAMES, to_weights(shown.params).tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "most", "least"),
    [
        ("A", "jawOpen", "mouthPucker"),
        ("I", "mouthStretchLeft", "mouthPucker"),
        ("U", "mouthPucker", "mouthStretchLeft"),
        ("O", "mouthFunnel", "mouthPressLeft"),
        ("M", "mouthPressLeft", "jawOpen"),
        ("F", "mouthRollLower", "mouthFunnel"),
        ("SH", "mouthFunnel", "mouthStretchLeft"),
    ],
)
def test_a_viseme_has_the_shape_of_its_sound(name: str, most: str, least: str) -> None:
    weights = mouth_of(viseme(name))
    assert weights[arkit.INDEX[most]] == weights.max() > 0.3
    assert weights[arkit.INDEX[least]] == 0.0


def test_silence_leaves_the_face_of_the_camera_untouched() -> None:
    shown = face()
    for index in range(20):
        after, triggers = VoiceMixer().mix(shown, voice(index, "silence", -70.0))
    assert after is shown and triggers == ()
    assert VoiceMixer().mix(shown, None) == (shown, ())


def test_while_a_person_speaks_the_voice_shapes_the_mouth_and_the_camera_the_rest() -> None:
    weights = mixed(VoiceMixer(VoiceTuning(share=0.5)), 0.3)
    spoken = float(mouth_of(viseme("A"))[arkit.INDEX["jawOpen"]])
    assert weights["jawOpen"] == pytest.approx((0.1 + spoken) / 2, abs=0.02)
    for name in ("mouthSmileLeft", "browInnerUp", "eyeBlinkLeft"):
        assert weights[name] == pytest.approx(CAMERA[arkit.INDEX[name]], abs=1e-5)


def test_without_a_face_the_mouth_is_the_voice_s_alone() -> None:
    weights = mixed(VoiceMixer(VoiceTuning(share=0.0)), 0.3, presence=0.0)
    assert weights["jawOpen"] == pytest.approx(float(mouth_of(viseme("A"))[arkit.INDEX["jawOpen"]]), abs=0.01)


@pytest.mark.parametrize(("tuning", "jaw"), [({"strength": 0.0}, 0.0), ({"strength": 0.5}, 0.3), ({}, 0.6)])
def test_the_strength_says_how_far_the_mouth_opens(tuning: dict[str, object], jaw: float) -> None:
    weights = mixed(VoiceMixer(VoiceTuning().changed(tuning)), 0.4, presence=0.0)
    assert weights["jawOpen"] == pytest.approx(jaw, abs=0.01)


def test_a_voice_below_the_quiet_level_moves_nothing() -> None:
    assert mixed(VoiceMixer(), 0.5, level_db=-51.0, presence=0.0)["jawOpen"] == pytest.approx(0.1, abs=1e-5)


def speaking(mixer: VoiceMixer, seconds: float, first: int, jaw_of: Callable[[bool], float]) -> float:
    """The jaw at the end of syllables "ma ma ma", while the camera's jaw is `jaw_of(is_open)`."""
    for index in range(first, first + round(seconds / (STEP_NS / 1e9))):
        is_open = index % 12 < 6
        seen = face(arkit.weights({"jawOpen": jaw_of(is_open)}))
        shown, _ = mixer.mix(seen, voice(index, "A" if is_open else "M"))
        if is_open:
            jaw = float(to_weights(shown.params)[arkit.INDEX["jawOpen"]])
    return jaw


def test_a_mouth_that_the_camera_does_not_see_is_left_to_the_voice_until_it_is_seen_again() -> None:
    mixer = VoiceMixer(VoiceTuning(share=0.2))
    in_sight = speaking(mixer, 3.0, 0, lambda is_open: 0.5 if is_open else 0.0)
    assert not mixer.is_mouth_hidden
    hidden = speaking(mixer, 4.0, 180, lambda is_open: 0.05)
    assert mixer.is_mouth_hidden
    assert hidden == pytest.approx(0.6, abs=0.05)
    speaking(mixer, 3.0, 420, lambda is_open: 0.5 if is_open else 0.0)
    assert not mixer.is_mouth_hidden
    assert 0.4 < in_sight < 0.56


def triggers(mixer: VoiceMixer, seconds: float, level_db: float, first: int) -> tuple[str, ...]:
    for index in range(first, first + round(seconds / (STEP_NS / 1e9))):
        _, found = mixer.mix(face(), voice(index, "A" if level_db > -50.0 else "silence", level_db))
    return found


def test_speaking_and_loud_are_recognised_and_end() -> None:
    mixer = VoiceMixer()
    assert triggers(mixer, 0.3, -30.0, 0) == ("speaking",)
    assert triggers(mixer, 0.2, -10.0, 18) == ("speaking", "loud")
    assert triggers(mixer, 0.2, -22.0, 30) == ("speaking", "loud")  # a little below, so that it does not flutter
    assert triggers(mixer, 0.2, -30.0, 42) == ("speaking",)
    assert triggers(mixer, 1.0, -70.0, 54) == ()


def test_a_click_is_not_loud() -> None:
    mixer = VoiceMixer()
    assert triggers(mixer, 0.3, -30.0, 0) == ("speaking",)
    assert triggers(mixer, 0.034, -5.0, 18) == ("speaking",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strength": 3.0}, "strength of the voice must be from 0 to 2, got 3"),
        ({"share": True}, "share of the voice must be a number, got True"),
        ({"quiet_db": 1}, "quiet_db of the voice must be from -80 to 0, got 1"),
        ({"pitch": 1}, 'the voice has no setting "pitch"'),
        ({"loud_db": float("nan")}, "from -80 to 0, got nan"),
        ({"loud_db": 10**400}, "from -80 to 0, got inf"),
    ],
)
def test_an_impossible_tuning_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(VoiceError, match=message):
        VoiceTuning().changed(changes)


def test_a_tuning_survives_json() -> None:
    tuning = VoiceTuning(0.5, 0.25, -40.0, -10.0)
    assert VoiceTuning().changed(dict(tuning.as_json())) == tuning


def test_a_performance_without_a_camera_speaks_and_says_when_it_heard() -> None:
    performance = Performance(Actor())
    performance.listen(lambda now_ns: Voice(now_ns - 50_000_000, viseme("A"), -20.0))
    for index in range(30):
        performed = performance.wait(index * STEP_NS)
    assert to_weights(performed.params)[arkit.INDEX["jawOpen"]] > 0.5
    assert performed.recognised == ("speaking",)
    assert performed.heard_ns == 29 * STEP_NS - 50_000_000
    performance.listen(None)
    assert performance.wait(30 * STEP_NS).heard_ns is None


def test_an_expression_is_added_on_top_of_a_spoken_mouth() -> None:
    performance = Performance(Actor())
    performance.listen(lambda now_ns: Voice(now_ns, viseme("U"), -20.0))
    performance.tune_voice(VoiceTuning(share=1.0))
    signal = Signal(Stamp(0, 0, 0), arkit.weights({"eyeBlinkLeft": 0.5}))
    performance.follow(signal)
    for index in range(1, 30):
        performed = performance.follow(Signal(Stamp(index, index * STEP_NS, 0), signal.weights))
    weights = to_weights(performed.params)
    assert weights[arkit.INDEX["mouthPucker"]] > 0.6
    assert weights[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(0.5, abs=0.05)
    assert isinstance(performed.params, FlameParams)
