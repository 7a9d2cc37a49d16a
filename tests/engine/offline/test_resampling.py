"""Another rate: the same length, no pop, nothing beyond what was seen, and no short expression lost."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import Array
from omote.engine.face.retarget import UNITS, from_weights
from omote.engine.offline.consistency_heads import NECK, heads_of
from omote.engine.offline.performance import exact_fps, interpolate, quaternions, resample, rotation_vectors
from omote.engine.rotation import blend_rotations

Numbers = NDArray[np.float64]
SMILE = "mouthSmileLeft"


def faces(values: Numbers, name: str = SMILE) -> Array:
    weights = np.zeros((len(values), arkit.COUNT), np.float32)
    weights[:, arkit.INDEX[name]] = values
    return np.stack([from_weights(row).vector() for row in weights])


def of(rows: Array, name: str = SMILE) -> Numbers:
    return heads_of(rows)[:, UNITS.index(name)]


def at_rate(values: Numbers, first: int, last: Fraction | int) -> Numbers:
    """A smile that was seen so many times a second, at another rate."""
    count = len(values)
    rows, _ = resample(
        faces(values), np.ones(count, np.float32), np.arange(count) / first, count / first, Fraction(last)
    )
    return of(rows)


def pulse(fps: int, seconds: float, peak_s: float) -> Numbers:
    since_s = np.arange(2 * fps) / fps - peak_s
    return np.where(np.abs(since_s) < seconds / 2.0, 0.4 * np.cos(np.pi * since_s / seconds) ** 2, 0.0)


def test_rates_are_exact() -> None:
    assert exact_fps(30.0) == 30
    assert exact_fps(25.0) == 25
    assert exact_fps(29.97) == exact_fps(29.97002997) == Fraction(30000, 1001)
    assert exact_fps(23.976) == Fraction(24000, 1001)
    assert exact_fps(59.94) == Fraction(60000, 1001)
    assert exact_fps(12.5) == Fraction(25, 2)
    assert float(exact_fps(14.99)) == pytest.approx(14.99, abs=0.01)
    assert exact_fps(0.5) == Fraction(1, 2)


def test_what_is_at_its_rate_already_comes_back_as_it_is() -> None:
    rows = faces(np.linspace(0.0, 1.0, 50))
    presence = np.ones(50, np.float32)
    times_s = np.round(np.arange(50) / 30.0, 3)  # as a file prints them
    found, present = resample(rows, presence, times_s, 50 / 30.0, Fraction(30))
    assert found.tobytes() == rows.tobytes()
    assert present.tobytes() == presence.tobytes()


@pytest.mark.parametrize(
    ("first", "last", "count"), [(60, 30, 60), (60, 24, 48), (30, 24, 48), (30, 60, 120), (24, 30, 60)]
)
def test_the_length_is_kept(first: int, last: int, count: int) -> None:
    assert len(at_rate(np.zeros(2 * first), first, last)) == count


@pytest.mark.parametrize(("first", "last"), [(60, 30), (60, 24), (30, 24), (30, 60)])
@pytest.mark.parametrize("milliseconds", [40, 80, 120, 160, 200])
def test_a_micro_expression_is_not_lost(first: int, last: int, milliseconds: int) -> None:
    for offset in range(10):
        values = pulse(first, milliseconds / 1000.0, 1.0 + offset / (10.0 * first))
        shown = at_rate(values, first, last)
        assert shown.max() == pytest.approx(values.max(), abs=1e-3)
        late_s = shown.argmax() / last - values.argmax() / first
        assert abs(late_s) <= 0.5 / last + 0.5 / first + 1e-9  # the nearest picture there is
        assert shown[: round(0.8 * last)].max() < 1e-6  # and it lasts no longer than a picture more
        assert shown[round(1.2 * last) :].max() < 1e-6


def test_a_pulse_of_less_than_a_picture_is_one_picture() -> None:
    """What a rate cannot show: how short it was."""
    values = np.zeros(120)
    values[61] = 0.5
    assert np.count_nonzero(at_rate(values, 120, 24) > 0.01) == 1


def test_velocity_has_no_jumps_and_nothing_is_beyond_what_was_seen() -> None:
    values = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(30) / 30.0)
    shown = at_rate(values, 30, 600)
    assert np.abs(np.diff(shown, 2)).max() < 0.1 * np.abs(np.diff(shown)).max()
    assert shown.min() >= values.min() - 1e-6
    assert shown.max() <= values.max() + 1e-6
    straight = np.interp(np.arange(600) / 600.0, np.arange(30) / 30.0, values)
    assert np.abs(np.diff(straight, 2)).max() > 0.2 * np.abs(np.diff(straight)).max()  # which has


def test_a_step_does_not_ring() -> None:
    shown = at_rate(np.repeat([0.2, 0.8], 20), 30, 120)
    assert (np.diff(shown) >= -1e-7).all()


def test_uneven_times_become_even_ones() -> None:
    rng = np.random.default_rng(0)
    times_s = np.sort(np.r_[0.0, rng.uniform(0.0, 2.0, 70)])
    rows, presence = resample(faces(times_s / 2.0), np.ones(71, np.float32), times_s, 2.0, Fraction(30))
    assert len(rows) == 60
    assert of(rows)[:55] == pytest.approx(np.arange(55) / 60.0, abs=0.01)
    assert (presence == 1.0).all()


def test_of_two_faces_at_one_moment_the_later_is_right() -> None:
    times_s = np.array([0.0, 0.1, 0.1, 0.2])
    rows, _ = resample(faces(np.array([0.0, 0.9, 0.4, 0.4])), np.ones(4, np.float32), times_s, 0.3, Fraction(10))
    assert of(rows) == pytest.approx([0.0, 0.4, 0.4], abs=1e-6)


def test_presence_stays_between_0_and_1() -> None:
    presence = np.repeat([1.0, 0.0, 1.0], 10).astype(np.float32)
    _, found = resample(faces(np.zeros(30)), presence, np.arange(30) / 30.0, 1.0, Fraction(97))
    assert found.min() == 0.0
    assert found.max() == 1.0


def test_one_face_is_shown_for_as_long_as_it_lasts() -> None:
    rows, _ = resample(faces(np.array([0.5])), np.ones(1, np.float32), np.zeros(1), 0.1, Fraction(60))
    assert of(rows) == pytest.approx(np.full(6, 0.5))


def test_a_head_turns_the_short_way_round() -> None:
    rows = np.zeros((2, 67), np.float32)
    rows[0, NECK], rows[1, NECK] = (0.0, 3.0, 0.0), (0.0, -3.0, 0.0)
    found, _ = resample(rows, np.ones(2, np.float32), np.array([0.0, 0.5]), 1.0, Fraction(4))
    assert np.abs(found[1, NECK]) == pytest.approx([0.0, np.pi, 0.0], abs=1e-4)


def test_a_head_between_two_turns_is_where_slerp_has_it() -> None:
    first, last = np.array([0.3, -0.2, 0.1], np.float32), np.array([-0.4, 0.5, 0.2], np.float32)
    turns = quaternions(np.stack([first, last]).astype(np.float64))
    middle = rotation_vectors(interpolate(np.array([0.0, 1.0]), turns, np.array([0.5])))[0]
    assert middle == pytest.approx(blend_rotations(first, last, 0.5), abs=1e-5)
    assert rotation_vectors(turns) == pytest.approx(np.stack([first, last]), abs=1e-7)
    assert rotation_vectors(quaternions(np.zeros((1, 3)))) == pytest.approx(np.zeros((1, 3)))
