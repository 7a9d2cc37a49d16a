"""The rest that one key finds is the middle of the last half second."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Actor, Signal, Stamp
from omote.engine.face.performance import NoFaceError, RecentFaces

PICTURE_NS = 33_000_000


def faces(*blinks: float) -> RecentFaces:
    recent = RecentFaces()
    for index, blink in enumerate(blinks):
        weights = arkit.weights({"jawOpen": 0.1, "eyeBlinkLeft": blink, "eyeBlinkRight": blink})
        recent.pass_to(index * PICTURE_NS, Signal(Stamp(index, index * PICTURE_NS, 0), weights))
    return recent


def test_a_blink_in_that_half_second_is_no_part_of_the_rest() -> None:
    actor = faces(*[0.1] * 5, 0.6, 1.0, 0.9, 0.4, *[0.1] * 5).at_rest(Actor("ana"))
    assert actor.name == "ana"
    assert actor.neutral[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(0.1)
    assert actor.neutral[arkit.INDEX["jawOpen"]] == pytest.approx(0.1)


def test_what_a_calibration_found_stays() -> None:
    known = Actor(gain=np.full(arkit.COUNT, 2.0, np.float32), thresholds=(("smile", 0.4),))
    actor = faces(0.1, 0.1).at_rest(known)
    assert (actor.gain == 2.0).all()
    assert actor.thresholds == known.thresholds


def test_a_weight_outside_of_its_range_rests_at_its_end() -> None:
    recent = RecentFaces()
    recent.pass_to(0, Signal(Stamp(0, 0, 0), np.full(arkit.COUNT, -0.01, np.float32)))
    assert not recent.at_rest(Actor()).neutral.any()


def test_nobody_has_no_rest() -> None:
    with pytest.raises(NoFaceError, match="look into the camera"):
        RecentFaces().at_rest(Actor())
