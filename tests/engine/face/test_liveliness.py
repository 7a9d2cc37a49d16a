"""Motion that no tracker saw: how large it is, that 0 adds nothing, and blinks that are read badly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import Animator
from omote.engine.data import Actor, FlameParams, Signal, Stamp
from omote.engine.face.light import studio_light
from omote.engine.face.liveliness import GLANCE_RAD, NO_BLINK_S, SWAY_RAD, BlinkHelp, life_at
from omote.engine.face.performance import Performance
from omote.engine.face.presence import BREATH_RAD
from omote.engine.face.tuning import Tuning
from omote.engine.model.portrait_renderer import DrawOptions
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character

TIMES = np.arange(0.0, 60.0, 1.0 / 30.0)


def lids(closed: float) -> FlameParams:
    return replace(FlameParams.neutral(), eyelids=np.full(2, closed, np.float32))


def at(seconds: float) -> Stamp:
    return Stamp(0, round(seconds * 1e9), 0)


@pytest.mark.parametrize(
    ("strengths", "turn", "gaze"),
    [
        ((1.0, 0.0, 0.0), (BREATH_RAD, 0.0, 0.0), (0.0, 0.0)),
        ((0.0, 2.0, 0.0), tuple(2.0 * one for one in SWAY_RAD), (0.0, 0.0)),
        ((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), GLANCE_RAD),
    ],
)
def test_each_motion_keeps_to_its_own_size(
    strengths: tuple[float, float, float], turn: tuple[float, ...], gaze: tuple[float, ...]
) -> None:
    lives = [life_at(time_s, *strengths) for time_s in TIMES]
    turns, gazes = np.abs([one.turn for one in lives]).max(0), np.abs([one.gaze for one in lives]).max(0)
    for found, most in zip((*turns, *gazes), (*turn, *gaze), strict=True):
        assert 0.7 * most <= found <= 1.0001 * most


def test_glances_jump_and_rest_and_the_head_never_jumps() -> None:
    lives = [life_at(time_s, 1.0, 1.0, 1.0) for time_s in TIMES]
    steps = np.abs(np.diff([one.gaze for one in lives], axis=0)).max(1)
    assert 0.7 < (steps == 0.0).mean() < 0.97
    assert np.abs(np.diff([one.turn for one in lives], axis=0)).max() < 0.001


@pytest.mark.parametrize(("read", "shown"), [(0.0, 0.0), (0.25, 0.25), (0.5, 0.605), (0.65, 1.0), (1.0, 1.0)])
def test_lids_that_are_read_as_half_closed_are_closed(read: float, shown: float) -> None:
    assert BlinkHelp().helped(lids(read), 1.0, 0).eyelids == pytest.approx(shown, abs=0.01)
    half = BlinkHelp().helped(lids(read), 0.5, 0).eyelids
    assert half == pytest.approx((read + shown) / 2, abs=0.01)


def test_a_face_that_never_blinks_is_made_to_blink() -> None:
    helping = BlinkHelp()
    closed = [float(helping.helped(lids(0.1), 1.0, round(time_s * 1e9)).eyelids[0]) for time_s in TIMES[:600]]
    blinks = int((np.diff(np.array(closed) > 0.6) > 0).sum()) // 2
    assert blinks == 3  # in 20 s
    assert max(closed[: round(30 * NO_BLINK_S)]) == pytest.approx(0.1)
    # A blink that is read starts the wait again.
    helping = BlinkHelp()
    read = [0.9 if 5.0 < time_s < 5.2 else 0.1 for time_s in TIMES[:300]]
    shown = [
        float(helping.helped(lids(one), 1.0, round(t * 1e9)).eyelids[0]) for t, one in zip(TIMES, read, strict=False)
    ]
    assert max(shown[160:]) == pytest.approx(0.1)


def test_at_0_a_performance_is_as_it_was() -> None:
    tracked = Signal(at(1.0), np.full(arkit.COUNT, 0.5, np.float32))
    face = Performance(Actor()).follow(tracked)
    assert face.life is None
    alive = Performance(Actor(), Tuning(breath=1.0, blink_help=1.0)).follow(tracked)
    assert alive.life is not None
    assert alive.params.eyelids[0] > face.params.eyelids[0]
    np.testing.assert_array_equal(alive.params.neck_pose, face.params.neck_pose)
    waiting = Performance(Actor(), Tuning(breath=1.0)).wait(10**9)
    assert waiting.life is None  # the idle portrait breathes by itself


def test_a_face_that_is_held_still_breathes_nevertheless() -> None:
    animator = Animator(256, renderer=Renderer(CopyingNetworks()))
    character, face = painted_character(), FlameParams.neutral()
    shown = []
    for index in range(40):
        options = DrawOptions(at(index / 30), life=life_at(index / 30, 1.0, 0.0, 0.0))
        shown.append(animator.draw(face, character, studio_light(), options).params.neck_pose[0])
    assert max(shown) == pytest.approx(BREATH_RAD, abs=0.001)
    assert len(set(shown)) > 20
