"""Noise is averaged without delaying a movement, and a face that only trembles is held."""

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
    TURN_NOISE_RAD,
    WEIGHT_NOISE,
    FaceStabilizer,
    TemporalAttention,
    in_steps,
    noise_step,
    tracker_noise,
)

MOVING = tracker_noise() > 1e-6


def face(jaw_open: float, turn: float = 0.0) -> FlameParams:
    return from_weights(arkit.weights({"jawOpen": jaw_open}), None, np.array([0.0, turn, 0.0], np.float32))


def test_noise_is_averaged_to_less_than_half() -> None:
    rng, attention = np.random.default_rng(3), TemporalAttention()
    seen, drawn = [], []
    for _ in range(300):
        weights = (np.full(arkit.COUNT, 0.4) + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT)).astype(np.float32)
        params = from_weights(weights, None, rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32))
        seen.append(params.vector())
        drawn.append(attention.averaged(params).vector())
    share = np.std(drawn[20:], axis=0)[MOVING] / np.std(seen[20:], axis=0)[MOVING]
    assert share.max() < 0.6
    assert share.mean() < 0.5
    bias = np.abs(np.mean(drawn[20:], axis=0) - np.mean(seen[20:], axis=0))[MOVING] / tracker_noise()[MOVING]
    assert bias.max() < 0.1


def test_attention_measures_the_noise_before_the_first_face() -> None:
    tracker_noise.cache_clear()
    attention = TemporalAttention()
    assert tracker_noise.cache_info().misses == 1
    attention.averaged(face(0.1))
    assert tracker_noise.cache_info().misses == 1


def test_a_jump_arrives_at_once() -> None:
    attention = TemporalAttention()
    for _ in range(10):
        attention.averaged(face(0.0))
    drawn = attention.averaged(face(0.4, 0.2))
    np.testing.assert_allclose(drawn.vector(), face(0.4, 0.2).vector(), atol=1e-5)


def test_a_movement_is_late_by_less_than_the_noise() -> None:
    attention, most = TemporalAttention(), 0.0
    for k in range(30):  # a mouth that opens in half a second, which is slow for speech
        seen = face(0.03 * k)
        most = max(most, float(np.abs(attention.averaged(seen).vector() - seen.vector())[50]))
    assert most < 1.6 * tracker_noise()[50]  # 50 is the jaw; this is a fortieth of its range


def test_the_same_face_again_and_again_is_that_face() -> None:
    attention, params = TemporalAttention(), face(0.3, 0.1)
    for _ in range(5):
        np.testing.assert_allclose(attention.averaged(params).vector(), params.vector(), atol=1e-6)


def test_a_face_after_forgetting_stands_alone() -> None:
    attention = TemporalAttention()
    attention.averaged(face(0.30))
    near = face(0.301)
    assert (attention.averaged(near).vector() != near.vector()).any()
    attention.forget()
    assert (attention.averaged(near).vector() == near.vector()).all()


def test_the_translation_is_not_changed() -> None:
    params = FlameParams.from_vector(np.concatenate([np.zeros(64), [0.1, 0.2, 0.3]]).astype(np.float32))
    assert TemporalAttention().averaged(params).translation.tolist() == params.translation.tolist()


def smile(amount: float) -> FlameParams:
    return from_weights(arkit.weights({"mouthSmileLeft": amount, "mouthSmileRight": amount}))


def trembling(count: int, seed: int = 0) -> list[FlameParams]:
    """A still face under the tracker's noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, WEIGHT_NOISE, (count, arkit.COUNT)).astype(np.float32)
    return [from_weights(np.clip(0.3 + row, 0.0, 1.0).astype(np.float32)) for row in noise]


def changes(faces: list[FlameParams], stabilizer: FaceStabilizer) -> int:
    """How often the drawn face changes."""
    drawn = [stabilizer.settled(face).vector() for face in faces]
    return sum(not np.array_equal(a, b) for a, b in pairwise(drawn))


def test_a_face_that_stands_exactly_still_is_one_face() -> None:
    assert changes([smile(0.4)] * 30, FaceStabilizer()) == 0


def test_a_face_that_only_trembles_is_held_for_most_of_the_time() -> None:
    faces = trembling(300)
    assert changes(faces, FaceStabilizer()) < 0.2 * changes(faces, FaceStabilizer(consistency=False))


def test_a_movement_is_drawn_at_every_picture() -> None:
    faces = [smile(k / 20.0) for k in range(20)]
    assert changes(faces, FaceStabilizer()) == 19


def test_a_held_face_is_released_by_the_first_picture_that_moves() -> None:
    stabilizer, attention = FaceStabilizer(), TemporalAttention()
    for _ in range(2 * HOLD_AFTER_PICTURES):
        held = stabilizer.settled(smile(0.2))
        attention.averaged(smile(0.2))
    moved = stabilizer.settled(smile(0.6))
    assert not np.array_equal(held.vector(), moved.vector())
    assert np.array_equal(moved.vector(), in_steps(attention.averaged(smile(0.6))).vector())


@pytest.mark.parametrize("rad_per_s", [0.01, 0.02, 0.05])
def test_a_slow_turn_does_not_go_in_jerks(rad_per_s: float) -> None:
    stabilizer = FaceStabilizer()
    turns = [np.array([0.0, rad_per_s * k / 30.0, 0.0], np.float32) for k in range(300)]
    drawn = [float(stabilizer.settled(replace(smile(0.2), neck_pose=turn)).neck_pose[1]) for turn in turns]
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
    stabilizer, faces = FaceStabilizer(), trembling(40)
    first = [stabilizer.settled(face).vector() for face in faces]
    stabilizer.forget()
    assert all(np.array_equal(stabilizer.settled(face).vector(), one) for face, one in zip(faces, first, strict=True))


def test_a_face_in_steps_is_within_half_a_step_and_stays_what_it_is() -> None:
    face = smile(0.337)
    found = in_steps(face)
    assert (np.abs(found.vector() - face.vector()) <= 0.5001 * noise_step()).all()
    assert np.array_equal(in_steps(found).vector(), found.vector())


def test_rest_is_a_whole_step() -> None:
    assert np.array_equal(in_steps(FlameParams.neutral()).vector(), FlameParams.neutral().vector())


@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
def test_without_consistency_each_face_stands_alone(amount: float) -> None:
    stabilizer = FaceStabilizer(consistency=False)
    for face in trembling(3):
        stabilizer.settled(face)
    assert np.array_equal(stabilizer.settled(smile(amount)).vector(), in_steps(smile(amount)).vector())


def test_the_translation_does_not_release_a_held_face() -> None:
    stabilizer, rng = FaceStabilizer(), np.random.default_rng(0)
    faces = [replace(smile(0.2), translation=rng.normal(0.0, 1e-3, 3).astype(np.float32)) for _ in range(30)]
    drawn = [stabilizer.settled(face) for face in faces]
    assert len({face.vector()[DRAWN_PARAMS].tobytes() for face in drawn}) == 1
    assert len({face.translation.tobytes() for face in drawn}) == 30


def test_an_idle_portrait_breathes_at_every_picture() -> None:
    stabilizer = FaceStabilizer()
    for _ in range(2 * HOLD_AFTER_PICTURES):
        stabilizer.settled(idle_face(0.0))
    necks = [float(stabilizer.settled(idle_face(k / 30.0), trembles=False).neck_pose[0]) for k in range(60)]
    assert max(abs(one - other) for one, other in pairwise(necks)) < 0.002
    assert max(necks) == pytest.approx(BREATH_RAD, abs=5e-4)
