"""A face that trembles within a tracker's noise is held, one that moves is not, and nothing flickers between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.presence import BREATH_RAD, idle_face
from omote.engine.face.retarget import from_weights
from omote.engine.face.stabilizer import (
    DRAWN_PARAMS,
    HOLD_AFTER_PICTURES,
    MOVED,
    WEIGHT_NOISE,
    FaceStabilizer,
    TemporalAttention,
    in_steps,
    noise_step,
    tracker_noise,
)


def smile(amount: float) -> FlameParams:
    return from_weights(arkit.weights({"mouthSmileLeft": amount, "mouthSmileRight": amount}))


def trembling(count: int, seed: int = 0) -> list[FlameParams]:
    """A face that is asked to hold still, as a tracker sees it."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, WEIGHT_NOISE, (count, arkit.COUNT)).astype(np.float32)
    return [from_weights(np.clip(0.3 + row, 0.0, 1.0).astype(np.float32)) for row in noise]


def changes(faces: list[FlameParams], steadiness: FaceStabilizer) -> int:
    """How often the drawn face is another than the one before."""
    drawn = [steadiness.settled(face).vector() for face in faces]
    return sum(not np.array_equal(a, b) for a, b in pairwise(drawn))


def test_a_face_that_stands_exactly_still_is_one_face() -> None:
    assert changes([smile(0.4)] * 30, FaceStabilizer()) == 0


def test_a_face_that_only_trembles_is_held_for_most_of_the_time() -> None:
    faces = trembling(300)
    assert changes(faces, FaceStabilizer()) < 0.2 * changes(faces, FaceStabilizer(consistency=False))


def test_a_movement_is_drawn_at_every_picture() -> None:
    faces = [smile(k / 20.0) for k in range(20)]
    assert changes(faces, FaceStabilizer()) == 19


def test_a_held_face_lets_go_at_the_first_picture_that_moves() -> None:
    steadiness, memory = FaceStabilizer(), TemporalAttention()
    for _ in range(2 * HOLD_AFTER_PICTURES):
        held = steadiness.settled(smile(0.2))
        memory.steadied(smile(0.2))
    moved = steadiness.settled(smile(0.6))
    assert not np.array_equal(held.vector(), moved.vector())
    assert np.array_equal(moved.vector(), in_steps(memory.steadied(smile(0.6))).vector())  # and not by half


@pytest.mark.parametrize("rad_per_s", [0.01, 0.02, 0.05])
def test_a_slow_turn_does_not_go_in_jerks(rad_per_s: float) -> None:
    steadiness = FaceStabilizer()
    turns = [np.array([0.0, rad_per_s * k / 30.0, 0.0], np.float32) for k in range(300)]
    drawn = [float(steadiness.settled(replace(smile(0.2), neck_pose=turn)).neck_pose[1]) for turn in turns]
    jerks = np.diff(drawn)
    assert (
        jerks.max() < 0.3 * MOVED * tracker_noise()[54] + rad_per_s / 30.0
    )  # a fifth of what was held back, and the turn
    assert jerks.min() > -noise_step()[54]  # and never back
    assert abs(drawn[-1] - turns[-1][1]) <= (MOVED + 0.5) * tracker_noise()[54]


def test_a_face_on_the_border_of_stillness_does_not_flicker() -> None:
    sway = [smile(0.3 + 0.5 * WEIGHT_NOISE * (k % 2)) for k in range(200)]
    assert changes(sway, FaceStabilizer()) <= HOLD_AFTER_PICTURES


def test_the_same_faces_give_the_same_answers_after_forgetting() -> None:
    steadiness, faces = FaceStabilizer(), trembling(40)
    first = [steadiness.settled(face).vector() for face in faces]
    steadiness.forget()
    assert all(np.array_equal(steadiness.settled(face).vector(), one) for face, one in zip(faces, first, strict=True))


def test_a_face_in_steps_is_within_half_a_step_and_stays_what_it_is() -> None:
    face = smile(0.337)
    found = in_steps(face)
    assert (np.abs(found.vector() - face.vector()) <= 0.5001 * noise_step()).all()
    assert np.array_equal(in_steps(found).vector(), found.vector())


def test_rest_is_a_whole_step() -> None:
    assert np.array_equal(in_steps(FlameParams.neutral()).vector(), FlameParams.neutral().vector())


@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
def test_without_consistency_each_face_stands_alone(amount: float) -> None:
    steadiness = FaceStabilizer(consistency=False)
    for face in trembling(3):
        steadiness.settled(face)
    assert np.array_equal(steadiness.settled(smile(amount)).vector(), in_steps(smile(amount)).vector())


def test_where_the_head_stands_is_not_drawn_and_lets_nothing_go() -> None:
    steadiness, rng = FaceStabilizer(), np.random.default_rng(0)
    faces = [replace(smile(0.2), translation=rng.normal(0.0, 1e-3, 3).astype(np.float32)) for _ in range(30)]
    drawn = [steadiness.settled(face) for face in faces]
    assert len({face.vector()[DRAWN_PARAMS].tobytes() for face in drawn}) == 1
    assert len({face.translation.tobytes() for face in drawn}) == 30


def test_a_portrait_that_nobody_plays_breathes_at_every_picture() -> None:
    steadiness = FaceStabilizer()
    for _ in range(2 * HOLD_AFTER_PICTURES):
        steadiness.settled(idle_face(0.0))
    necks = [float(steadiness.settled(idle_face(k / 30.0), trembles=False).neck_pose[0]) for k in range(60)]
    assert max(abs(one - other) for one, other in pairwise(necks)) < 0.002
    assert max(necks) == pytest.approx(BREATH_RAD, abs=5e-4)
