"""What the expression adapter is told."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.data import Array, FlameParams
from omote.engine.photoreal.vector import STAND_IN_NEUTRAL, VECTOR_SIZE, vector_of

NEUTRAL = np.linspace(0.01, 0.06, VECTOR_SIZE).astype(np.float32)


def face(jaw: tuple[float, float, float] = (0.0, 0.0, 0.0), lids: tuple[float, float] = (0.0, 0.0)) -> FlameParams:
    return FlameParams(
        expression=np.zeros(50, np.float32),
        jaw_pose=np.array(jaw, np.float32),
        neck_pose=np.full(3, 0.5, np.float32),
        eye_pose=np.full((2, 3), 0.5, np.float32),
        eyelids=np.array(lids, np.float32),
        translation=np.full(3, 0.5, np.float32),
        basis="flame2020",
    )


def test_a_face_at_rest_is_the_neutral_whatever_head_and_eyes_do() -> None:
    np.testing.assert_array_equal(vector_of(face(), NEUTRAL), NEUTRAL)


def test_expression_lids_and_jaw_stand_in_this_order_on_top_of_the_neutral() -> None:
    params = face(jaw=(0.3, 0.05, -0.05), lids=(0.25, 0.5))
    vector = vector_of(FlameParams.from_vector(np.r_[np.arange(50), params.vector()[50:]], "flame2020"), NEUTRAL)
    change = vector - NEUTRAL
    np.testing.assert_allclose(change[:50], np.arange(50), atol=1e-5)  # float32 around 50
    np.testing.assert_allclose(change[50:], [0.25, 0.5, 0.3, 0.05, -0.05], atol=1e-6)


@pytest.mark.parametrize(
    ("jaw", "lids", "ends"),
    [
        ((-1.0, 0.0, 0.0), (0.0, 0.0), (NEUTRAL[50], NEUTRAL[51], 0.0, NEUTRAL[53], NEUTRAL[54])),
        ((0.0, 1.0, -1.0), (0.0, 0.0), (NEUTRAL[50], NEUTRAL[51], NEUTRAL[52], 0.2, -0.2)),
        ((0.0, 0.0, 0.0), (2.0, -2.0), (1.0, 0.0, NEUTRAL[52], NEUTRAL[53], NEUTRAL[54])),
    ],
)
def test_lids_and_jaw_stay_within_the_adapters_bounds(
    jaw: tuple[float, float, float], lids: tuple[float, float], ends: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(vector_of(face(jaw, lids), NEUTRAL)[50:], np.array(ends, np.float32), atol=1e-7)


def test_a_face_that_undoes_its_neutral_exactly_is_still_not_all_zeros() -> None:
    undone = face(jaw=tuple(-NEUTRAL[52:]), lids=tuple(-NEUTRAL[50:52]))
    params = FlameParams.from_vector(np.r_[-NEUTRAL[:50], undone.vector()[50:]], "flame2020")
    vector = vector_of(params, NEUTRAL)
    assert vector.any() and np.abs(vector).max() <= 0.001


def test_a_neutral_of_zeros_gives_no_zeros_either() -> None:
    assert vector_of(face(), np.zeros(VECTOR_SIZE, np.float32)).any()


def test_the_stand_in_is_small_not_zero_within_bounds_and_fixed() -> None:
    assert STAND_IN_NEUTRAL.shape == (VECTOR_SIZE,) and STAND_IN_NEUTRAL.dtype == np.float32
    assert 0.0 < np.abs(STAND_IN_NEUTRAL).max() <= 0.05
    np.testing.assert_array_equal(vector_of(face(), STAND_IN_NEUTRAL), STAND_IN_NEUTRAL)
    with pytest.raises(ValueError, match="read-only"):
        STAND_IN_NEUTRAL[0] = 1.0


def test_the_neutral_that_was_given_is_not_written_to() -> None:
    neutral = NEUTRAL.copy()
    vector_of(face(jaw=(-1.0, 0.0, 0.0)), neutral)
    np.testing.assert_array_equal(neutral, NEUTRAL)


def test_another_basis_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match='speaks the basis "flame2020", these parameters "open"'):
        vector_of(FlameParams.neutral(), NEUTRAL)


@pytest.mark.parametrize("neutral", [np.zeros(54, np.float32), np.zeros((1, 55), np.float32)])
def test_a_neutral_of_another_size_is_refused(neutral: Array) -> None:
    with pytest.raises(ValueError, match=r"a neutral must be \[55\]"):
        vector_of(face(), neutral)
