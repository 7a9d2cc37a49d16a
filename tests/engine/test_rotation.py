"""Turns between turns."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.rotation import blend_rotations


def turn(*degrees: float) -> NDArray[np.float32]:
    return np.asarray(np.radians(degrees), np.float32)


def test_the_ends_come_back_exactly() -> None:
    first, second = turn(10, 20, 30), turn(-5, 0, 40)
    assert blend_rotations(first, second, 0.0) is first
    assert blend_rotations(first, second, 1.0) is second


def test_about_one_axis_the_angle_goes_evenly() -> None:
    for share in (0.25, 0.5, 0.75):
        blended = blend_rotations(turn(0, 10, 0), turn(0, 50, 0), share)
        np.testing.assert_allclose(blended, turn(0, 10 + 40 * share, 0), atol=1e-6)


def test_the_way_from_170_to_minus_170_degrees_is_short_and_passes_180() -> None:
    blended = blend_rotations(turn(0, 170, 0), turn(0, -170, 0), 0.5)
    assert np.linalg.norm(blended) == pytest.approx(np.pi, abs=1e-6)
    near = blend_rotations(turn(0, 170, 0), turn(0, -170, 0), 0.25)
    np.testing.assert_allclose(near, turn(0, 175, 0), atol=1e-5)


def test_equal_turns_and_no_turn_are_no_special_case() -> None:
    np.testing.assert_array_equal(blend_rotations(turn(1, 2, 3), turn(1, 2, 3), 0.5), turn(1, 2, 3))
    np.testing.assert_array_equal(blend_rotations(turn(0, 0, 0), turn(0, 0, 0), 0.5), turn(0, 0, 0))
