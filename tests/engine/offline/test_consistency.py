"""A stabilized performance is not late, keeps its short movements, and comes back to the same rest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Actor, Array, Signal, Stamp
from omote.engine.face.performance import Performance
from omote.engine.face.retarget import UNITS, from_weights
from omote.engine.face.stabilizer import DRAWN_PARAMS, TURN_NOISE_RAD, WEIGHT_NOISE
from omote.engine.offline.animation import Float64Array
from omote.engine.offline.consistency import noise_levels, noisy_columns, noisy_regions, stabilize
from omote.engine.offline.face_limits import faces_from_rows, rows_from_faces

SMILE = "mouthSmileLeft"


def faces(weights: Float64Array, turns: Float64Array | None = None) -> Array:
    """[n,67] of weights [n,52], none of them beyond what there is."""
    turned = np.zeros((len(weights), 3)) if turns is None else turns
    rows = zip(np.clip(weights, 0.0, 1.0).astype(np.float32), turned.astype(np.float32), strict=True)
    return np.stack([from_weights(row, None, turn).vector() for row, turn in rows])


def tracker_noise(count: int, seed: int = 0) -> tuple[Float64Array, Float64Array]:
    """What a webcam's tracker adds to weights [n,52] and turns [n,3]."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, WEIGHT_NOISE, (count, arkit.COUNT)), rng.normal(0.0, TURN_NOISE_RAD, (count, 3))


def unit_of(name: str, rows: Array) -> Float64Array:
    return rows_from_faces(rows)[:, UNITS.index(name)]


def weights_with(name: str, values: Float64Array) -> Float64Array:
    weights = np.full((len(values), arkit.COUNT), 0.3)
    weights[:, arkit.INDEX[name]] = values
    return weights


def pulse(fps: int, seconds: float, height: float) -> tuple[Float64Array, Float64Array]:
    """Times over two seconds, and what comes and goes in the middle of them."""
    times_s = np.arange(2 * fps) / fps
    since_s = times_s - 1.0
    shape = np.where(np.abs(since_s) < seconds / 2.0, np.cos(np.pi * since_s / seconds) ** 2, 0.0)
    return times_s, 0.3 + height * shape


def live_smoothing(weights: Float64Array, turns: Float64Array, fps: float) -> Array:
    """As the usual smoothing of the live path leaves them."""
    performance, shown = Performance(Actor()), []
    for k, (row, turn) in enumerate(zip(np.clip(weights, 0.0, 1.0), turns, strict=True)):
        stamp = Stamp(k, round(k * 1e9 / fps), 0)
        signal = Signal(stamp, row.astype(np.float32), turn.astype(np.float32))
        shown.append(performance.follow(signal).params.vector())
    return np.stack(shown)


def spread(rows: Array) -> float:
    """Of what noise and is drawn, in standard deviations of the noise, over each second of thirty."""
    columns = noisy_columns()
    units = rows_from_faces(rows)[:, columns] / noise_levels()[columns]
    return float(np.mean([units[first:last].std(0).mean() for first, last in pairwise(range(0, len(units) + 1, 30))]))


def test_rows_are_the_same_faces_and_each_noisy_column_is_in_one_region() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0.0, 1.0, (5, 67)).astype(np.float32)
    assert faces_from_rows(rows_from_faces(rows)) == pytest.approx(rows, abs=1e-5)
    weights = rng.uniform(0.0, 1.0, arkit.COUNT)
    units = rows_from_faces(faces(weights[None]))[0, : len(UNITS)]
    assert units == pytest.approx([weights[arkit.INDEX[name]] for name in UNITS], abs=1e-5)
    assert sorted(np.concatenate(list(noisy_regions().values()))) == sorted(noisy_columns())
    assert noisy_columns().max() < DRAWN_PARAMS.stop


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("milliseconds", [40, 80, 120, 160, 200])
def test_a_micro_expression_keeps_its_peak(fps: int, milliseconds: int) -> None:
    for name, height in (("browInnerUp", 0.08), ("browInnerUp", 0.2), (SMILE, 0.08), (SMILE, 0.2), (SMILE, 0.4)):
        times_s, values = pulse(fps, milliseconds / 1000.0, height)
        shown = unit_of(name, stabilize(faces(weights_with(name, values)), times_s=times_s))
        assert shown.max() - 0.3 >= 0.95 * height
        assert int(shown.argmax()) == fps


def test_a_micro_expression_under_noise_keeps_its_peak() -> None:
    """Over six of them: one alone is as uncertain as the noise on its peak."""
    for fps in (30, 60):
        kept = []
        for seed in range(6):
            times_s, values = pulse(fps, 0.12, 0.2)
            noise, _ = tracker_noise(len(values), seed)
            shown = unit_of(SMILE, stabilize(faces(weights_with(SMILE, values) + noise), times_s=times_s))
            kept.append((shown[fps] - 0.3) / 0.2)
        assert np.mean(kept) >= 0.95


def test_nothing_is_late() -> None:
    times_s = np.arange(240) / 30.0
    values = 0.4 + 0.25 * np.sin(2.0 * np.pi * 0.7 * times_s)
    noise, _ = tracker_noise(len(values))
    shown = unit_of(SMILE, stabilize(faces(weights_with(SMILE, values) + noise), times_s=times_s))
    middle = slice(60, 180)
    # A picture is 33 ms, and the best of seven shifts is 0.
    likeness = [np.corrcoef(values[middle], shown[60 + shift : 180 + shift])[0, 1] for shift in range(-3, 4)]
    assert int(np.argmax(likeness)) - 3 == 0
    assert np.sqrt(((shown - values) ** 2).mean()) < 0.7 * WEIGHT_NOISE


def test_reversed_time_gives_the_reversed_result() -> None:
    noise, turns = tracker_noise(150)
    values = 0.3 + 0.3 * np.clip(np.arange(150) / 30.0 - 2.0, 0.0, 1.0)
    rows = faces(weights_with(SMILE, values) + noise, turns)
    there = stabilize(rows)
    back = stabilize(np.ascontiguousarray(rows[::-1]))[::-1]
    columns = noisy_columns()
    apart = np.abs(rows_from_faces(there) - rows_from_faces(back))[:, columns] / noise_levels()[columns]
    assert np.median(apart) < 0.01  # anchors are found from the first one on, so they may differ a little
    assert apart.max() < 1.5


def test_a_face_that_is_held_is_stiller_than_live() -> None:
    noise, turns = tracker_noise(300)
    wandering = np.cumsum(tracker_noise(300, 1)[0], axis=0) * 0.1  # a tracker's noise is not only quick
    weights = 0.4 + noise * 0.5 + wandering * 0.3
    seen, shown = faces(weights, turns), stabilize(faces(weights, turns))
    live = live_smoothing(weights, turns, 30.0)
    assert spread(shown) < spread(live) < spread(seen)
    assert spread(shown) < 0.1 * spread(seen)


def test_the_rest_after_a_smile_is_the_rest_before_it() -> None:
    times_s = np.arange(240) / 30.0
    values = 0.3 + 0.5 * np.clip(np.minimum(times_s - 2.5, 5.5 - times_s), 0.0, 1.0)
    noise, turns = tracker_noise(len(values))
    weights = weights_with(SMILE, values) + noise
    weights[150:] += 0.006  # and the tracker finds it a little elsewhere
    seen = faces(weights, turns)
    shown = stabilize(seen, times_s=times_s)
    before, after = slice(10, 60), slice(180, 230)
    apart = np.abs(rows_from_faces(shown)[before].mean(0) - rows_from_faces(shown)[after].mean(0))[: len(UNITS)]
    was = np.abs(rows_from_faces(seen)[before].mean(0) - rows_from_faces(seen)[after].mean(0))[: len(UNITS)]
    assert apart.mean() < 0.1 * was.mean()


def test_a_movement_beyond_the_noise_stays() -> None:
    times_s = np.arange(120) / 30.0
    values = 0.4 + 0.3 * np.sin(2.0 * np.pi * times_s)
    rows = faces(weights_with(SMILE, values))
    assert unit_of(SMILE, stabilize(rows, times_s=times_s)) == pytest.approx(values, abs=0.005)


def test_no_weight_leaves_the_performed_range() -> None:
    noise, turns = tracker_noise(200)
    weights = np.clip(noise + weights_with(SMILE, np.repeat([0.0, 1.0], 100)), 0.0, 1.0)
    seen, shown = faces(weights, turns), stabilize(faces(weights, turns))
    low, high = rows_from_faces(seen).min(0), rows_from_faces(seen).max(0)
    assert (rows_from_faces(shown) >= low - 1e-5).all()
    assert (rows_from_faces(shown) <= high + 1e-5).all()


def test_a_gap_in_time_separates_the_faces_around_it() -> None:
    noise, turns = tracker_noise(60)
    rows = faces(0.3 + noise, turns)
    apart_s = np.r_[np.arange(30) / 30.0, 100.0 + np.arange(30) / 30.0]
    both = stabilize(rows, times_s=apart_s)
    assert np.isfinite(both).all()
    quick = stabilize(rows[:30], times_s=apart_s[:30])
    columns = noisy_columns()
    difference = np.abs(rows_from_faces(both[:30]) - rows_from_faces(quick))[:, columns] / noise_levels()[columns]
    assert difference.max() < 1.0  # anchors alone reach over the gap


def test_a_face_of_low_confidence_leans_on_its_neighbours() -> None:
    confidence = np.ones(91, np.float32)
    confidence[40:50] = 0.2
    values = np.full(91, 0.3)
    values[40:50:2] = 0.7  # it shakes where the confidence is low
    rows = faces(weights_with(SMILE, values))
    doubtful = unit_of(SMILE, stabilize(rows, confidence=confidence))
    trusted = unit_of(SMILE, stabilize(rows))
    assert doubtful[40:50].std() < 0.3 * trusted[40:50].std()
    assert doubtful[60:] == pytest.approx(0.3, abs=WEIGHT_NOISE / 2.0)


def test_the_result_is_reproducible_and_a_single_face_unchanged() -> None:
    noise, turns = tracker_noise(90)
    rows = faces(0.3 + noise, turns)
    assert stabilize(rows).tobytes() == stabilize(rows.copy()).tobytes()
    assert stabilize(rows[:1]).tobytes() == rows[:1].tobytes()


def test_the_size_of_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    noise, turns = tracker_noise(200)
    rows = faces(weights_with(SMILE, np.linspace(0.2, 0.8, 200)) + noise, turns)
    whole = stabilize(rows)
    monkeypatch.setattr("omote.engine.offline.consistency._BLOCK_SIZE", 50_000)
    assert stabilize(rows) == pytest.approx(whole, abs=1e-4)
