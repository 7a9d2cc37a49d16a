"""The shown face while the tracked one comes and goes, at given times."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.engine.data import FlameParams
from omote.engine.face.presence import (
    BLINK_PERIOD_S,
    BREATH_RAD,
    EASE_S,
    HOLD_S,
    RETURN_S,
    Phase,
    Presence,
    PresentedFace,
    idle_face,
)
from omote.engine.face.tuning import Tuning

FACE = replace(
    FlameParams.neutral(),
    jaw_pose=np.array([0.3, 0.0, 0.0], np.float32),
    neck_pose=np.array([0.0, 0.5, 0.0], np.float32),
)


def follow(presence: Presence, time_s: float, params: FlameParams = FACE) -> PresentedFace:
    return presence.follow(params, round(time_s * 1e9))


def wait(presence: Presence, time_s: float) -> PresentedFace:
    return presence.wait(round(time_s * 1e9))


def lost_at_0() -> Presence:
    """Followed a face until time 0."""
    presence = Presence()
    follow(presence, -0.1)
    follow(presence, 0.0)
    return presence


def same(first: FlameParams, second: FlameParams) -> bool:
    return bool(np.array_equal(first.vector(), second.vector()))


def test_a_face_that_is_there_is_followed_as_it_is() -> None:
    shown = follow(Presence(), 5.0)
    assert shown == PresentedFace(FACE, 1.0, Phase.FOLLOWING)


def test_a_lost_face_is_held() -> None:
    presence = lost_at_0()
    for time_s in (0.03, HOLD_S - 0.01):
        shown = wait(presence, time_s)
        assert (shown.presence, shown.phase) == (1.0, Phase.HOLDING)
        assert same(shown.params, FACE)


def test_then_it_eases_to_rest_without_a_jump() -> None:
    presence = lost_at_0()
    times = np.arange(0.01, HOLD_S + EASE_S + 0.3, 0.01)
    shown = [wait(presence, float(time_s)) for time_s in times]
    jaws = np.array([one.params.jaw_pose[0] for one in shown])
    necks = np.array([one.params.neck_pose[1] for one in shown])
    assert (np.diff(jaws) <= 0.0).all()
    assert jaws[-1] == 0.0
    assert np.abs(np.diff(jaws)).max() < 0.3 * 0.016  # smoothstep is at most 1.5 times as steep: 0.015 a step
    assert np.abs(np.diff(necks)).max() < 0.5 * 0.016
    presences = [one.presence for one in shown]
    assert presences == sorted(presences, reverse=True)
    assert list(dict.fromkeys(one.phase for one in shown)) == [Phase.HOLDING, Phase.EASING, Phase.IDLE]
    assert presences[-1] == 0.0


def test_halfway_through_easing_presence_is_a_half() -> None:
    presence = lost_at_0()
    wait(presence, 0.03)
    shown = wait(presence, HOLD_S + EASE_S / 2)
    assert shown.presence == pytest.approx(0.5)
    assert shown.params.jaw_pose[0] == pytest.approx(0.15)


def test_a_face_that_returns_after_long_is_blended_in() -> None:
    presence = lost_at_0()
    for time_s in np.arange(0.1, 10.0, 0.1):
        wait(presence, float(time_s))
    # The return starts at the last picture without a face, at 9.9.
    halfway = follow(presence, 9.9 + RETURN_S / 2)
    assert halfway.phase is Phase.RETURNING
    assert halfway.presence == pytest.approx(0.5)
    assert halfway.params.jaw_pose[0] == pytest.approx(0.15, abs=1e-6)
    assert follow(presence, 9.9 + RETURN_S) == PresentedFace(FACE, 1.0, Phase.FOLLOWING)


def test_one_lost_picture_does_not_slow_the_face_down() -> None:
    presence = lost_at_0()
    wait(presence, 0.033)
    assert follow(presence, 0.066) == PresentedFace(FACE, 1.0, Phase.FOLLOWING)


def test_a_face_lost_on_its_way_back_is_held_where_it_was() -> None:
    presence = lost_at_0()
    for time_s in (0.1, 2.0, 3.0):
        wait(presence, time_s)
    back = follow(presence, 3.0 + RETURN_S / 2)
    held = wait(presence, 3.2)
    assert (held.presence, held.phase) == (back.presence, Phase.HOLDING)
    assert same(held.params, back.params)


def test_without_any_face_it_idles_from_the_start() -> None:
    presence = Presence()
    first = wait(presence, 100.0)
    assert (first.presence, first.phase) == (0.0, Phase.IDLE)
    assert same(first.params, idle_face(0.0))
    assert same(wait(presence, 101.5).params, idle_face(1.5))


def test_time_that_goes_back_shows_what_was_shown() -> None:
    presence = lost_at_0()
    wait(presence, 0.7)
    eased = wait(presence, 0.8)
    assert wait(presence, 0.75).presence == eased.presence


def test_idling_is_a_function_of_time_and_small() -> None:
    for time_s in np.arange(0.0, 60.0, 0.05):
        params = idle_face(float(time_s))
        assert same(params, idle_face(float(time_s)))
        assert not params.expression.any()
        assert np.abs(params.neck_pose).max() <= BREATH_RAD
        assert 0.0 <= params.eyelids.min() <= params.eyelids.max() <= 1.0


def test_an_idle_face_blinks_once_in_each_period_with_both_eyes() -> None:
    times = np.arange(0.0, 10 * BLINK_PERIOD_S, 0.01)
    lids = np.array([idle_face(float(time_s)).eyelids for time_s in times])
    np.testing.assert_array_equal(lids[:, 0], lids[:, 1])
    shut = lids[:, 0].reshape(10, -1).max(1)
    assert (shut > 0.95).all()
    begins = np.flatnonzero((lids[1:, 0] > 0.5) & (lids[:-1, 0] <= 0.5))
    assert len(begins) == 10
    assert len(set(np.diff(begins).tolist())) > 2  # The intervals differ.


def test_an_idle_portrait_blinks_and_breathes_only_if_tuned_so() -> None:
    presence = Presence(Tuning(blinks=False, breathes=False))
    times = np.arange(0.0, 3.0 * BLINK_PERIOD_S, 1.0 / 30.0)
    assert all(same(wait(presence, float(time_s)).params, FlameParams.neutral()) for time_s in times)


def test_breathing_that_is_turned_off_ends_within_half_a_second_without_a_jump() -> None:
    presence = Presence()
    wait(presence, 0.0)
    before = wait(presence, 1.0).params
    presence.tune(Tuning(breathes=False))
    pitches = [float(wait(presence, 1.0 + step / 30.0).params.neck_pose[0]) for step in range(20)]
    assert pitches[0] == pytest.approx(float(before.neck_pose[0]))
    assert max(abs(later - earlier) for earlier, later in pairwise(pitches)) < BREATH_RAD / 10.0
    assert pitches[-1] == 0.0
