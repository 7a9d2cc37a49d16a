"""A picture copies from the references whose faces are like the wanted one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.model.renderer import MOST_AT_ONCE, Look
from omote.engine.nouns import FlameParams


def face(yaw: float = 0.0, **weights: float) -> FlameParams:
    return from_weights(arkit.weights(weights), None, np.array([0.0, yaw, 0.0], np.float32))


REST, OPEN, SHUT, LEFT, RIGHT = range(5)
SHOWN = (face(), face(jawOpen=0.8), face(eyeBlinkLeft=1.0, eyeBlinkRight=1.0), face(0.6), face(-0.6))


@pytest.fixture
def look() -> Look:
    look = object.__new__(Look)
    look.weights = np.stack([to_weights(params) for params in SHOWN])
    look.turns = np.stack([params.neck_pose for params in SHOWN])
    return look


def chosen(look: Look, params: FlameParams) -> dict[int, float]:
    order, present = look.chosen(params)
    assert order[0] == REST
    assert present[0] == 1.0
    return {k: float(share) for k, share in zip(order, present, strict=True) if share > 0.0}


def test_a_face_at_rest_is_copied_from_rest_alone(look: Look) -> None:
    assert chosen(look, face()) == {REST: 1.0}


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        (face(jawOpen=0.6), {REST, OPEN}),
        (face(jawOpen=0.6, browInnerUp=0.8), {REST, OPEN}),
        (face(eyeBlinkLeft=0.9, eyeBlinkRight=0.9, jawOpen=0.7), {REST, OPEN, SHUT}),
        (face(0.5), {REST, LEFT}),
        (face(-0.5, jawOpen=0.7), {REST, OPEN, RIGHT}),
    ],
)
def test_references_are_chosen_by_each_part_of_the_face(look: Look, params: FlameParams, wanted: set[int]) -> None:
    found = chosen(look, params)
    assert set(found) == wanted
    assert min(found.values()) > 0.9


def test_nothing_jumps_when_one_reference_gives_way_to_another(look: Look) -> None:
    def shares(at: float) -> NDArray[np.float32]:
        params = face(0.6 * (1.0 - at), jawOpen=0.8, eyeBlinkLeft=at, eyeBlinkRight=at)
        found = chosen(look, params)
        assert len(found) <= MOST_AT_ONCE
        return np.array([found.get(k, 0.0) for k in range(len(SHOWN))], np.float32)

    path = np.stack([shares(at) for at in np.linspace(0.0, 1.0, 401)])
    assert path[0, LEFT] > 0.9
    assert path[-1, SHUT] > 0.9
    assert np.abs(np.diff(path, axis=0)).max() < 0.06
