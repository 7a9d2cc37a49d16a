"""Noise is averaged, movement is not delayed."""

from __future__ import annotations

import numpy as np

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.retarget import from_weights
from omote.engine.face.stabilizer import TURN_NOISE_RAD, WEIGHT_NOISE, TemporalAttention, tracker_noise

MOVING = tracker_noise() > 1e-6


def face(jaw_open: float, turn: float = 0.0) -> FlameParams:
    return from_weights(arkit.weights({"jawOpen": jaw_open}), None, np.array([0.0, turn, 0.0], np.float32))


def test_what_trembles_is_steadied_to_less_than_half() -> None:
    rng, memory = np.random.default_rng(3), TemporalAttention()
    told, drawn = [], []
    for _ in range(300):
        weights = (np.full(arkit.COUNT, 0.4) + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT)).astype(np.float32)
        params = from_weights(weights, None, rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32))
        told.append(params.vector())
        drawn.append(memory.steadied(params).vector())
    share = np.std(drawn[20:], axis=0)[MOVING] / np.std(told[20:], axis=0)[MOVING]
    assert share.max() < 0.6
    assert share.mean() < 0.5
    bias = np.abs(np.mean(drawn[20:], axis=0) - np.mean(told[20:], axis=0))[MOVING] / tracker_noise()[MOVING]
    assert bias.max() < 0.1


def test_a_memory_is_ready_when_it_is_made() -> None:
    tracker_noise.cache_clear()
    memory = TemporalAttention()
    assert tracker_noise.cache_info().misses == 1
    memory.steadied(face(0.1))
    assert tracker_noise.cache_info().misses == 1


def test_a_jump_arrives_at_once() -> None:
    memory = TemporalAttention()
    for _ in range(10):
        memory.steadied(face(0.0))
    drawn = memory.steadied(face(0.4, 0.2))
    np.testing.assert_allclose(drawn.vector(), face(0.4, 0.2).vector(), atol=1e-5)


def test_a_movement_is_late_by_less_than_the_noise() -> None:
    memory, most = TemporalAttention(), 0.0
    for k in range(30):  # a mouth that opens in half a second, slow for speech
        told = face(0.03 * k)
        most = max(most, float(np.abs(memory.steadied(told).vector() - told.vector())[50]))
    assert most < 1.6 * tracker_noise()[50]  # 50 is the jaw; a movement of a fortieth of the range


def test_the_same_face_again_and_again_is_that_face() -> None:
    memory, params = TemporalAttention(), face(0.3, 0.1)
    for _ in range(5):
        np.testing.assert_allclose(memory.steadied(params).vector(), params.vector(), atol=1e-6)


def test_a_face_after_forgetting_stands_alone() -> None:
    memory = TemporalAttention()
    memory.steadied(face(0.30))
    near = face(0.301)
    assert (memory.steadied(near).vector() != near.vector()).any()
    memory.forget()
    assert (memory.steadied(near).vector() == near.vector()).all()


def test_the_head_does_not_wander_with_what_is_not_drawn() -> None:
    params = FlameParams.from_vector(np.concatenate([np.zeros(64), [0.1, 0.2, 0.3]]).astype(np.float32))
    assert TemporalAttention().steadied(params).translation.tolist() == params.translation.tolist()
