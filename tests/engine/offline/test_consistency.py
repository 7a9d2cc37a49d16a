"""A whole performance steadied: nothing late, nothing short worn off, and what rests comes back to the same rest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import Actor, Array, Signal, Stamp
from omote.engine.face.performance import Performance
from omote.engine.face.retarget import UNITS, from_weights
from omote.engine.face.stabilizer import DRAWN_PARAMS, TURN_NOISE_RAD, WEIGHT_NOISE
from omote.engine.offline.animation import RenderError
from omote.engine.offline.consistency import consistent
from omote.engine.offline.consistency_heads import faces_of, head_noise, heads_of, regions, trembling

Numbers = NDArray[np.float64]
SMILE = "mouthSmileLeft"


def faces(weights: Numbers, turns: Numbers | None = None) -> Array:
    """[n,67] of weights [n,52], none of them beyond what there is."""
    turned = np.zeros((len(weights), 3)) if turns is None else turns
    rows = zip(np.clip(weights, 0.0, 1.0).astype(np.float32), turned.astype(np.float32), strict=True)
    return np.stack([from_weights(row, None, turn).vector() for row, turn in rows])


def tremor(count: int, seed: int = 0) -> tuple[Numbers, Numbers]:
    """What a webcam's tracker adds to weights [n,52] and turns [n,3]."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, WEIGHT_NOISE, (count, arkit.COUNT)), rng.normal(0.0, TURN_NOISE_RAD, (count, 3))


def of(name: str, rows: Array) -> Numbers:
    return heads_of(rows)[:, UNITS.index(name)]


def moved(name: str, values: Numbers) -> Numbers:
    weights = np.full((len(values), arkit.COUNT), 0.3)
    weights[:, arkit.INDEX[name]] = values
    return weights


def pulse(fps: int, seconds: float, height: float) -> tuple[Numbers, Numbers]:
    """Times over two seconds, and what comes and goes in the middle of them."""
    times_s = np.arange(2 * fps) / fps
    since_s = times_s - 1.0
    shape = np.where(np.abs(since_s) < seconds / 2.0, np.cos(np.pi * since_s / seconds) ** 2, 0.0)
    return times_s, 0.3 + height * shape


def live_smoothing(weights: Numbers, turns: Numbers, fps: float) -> Array:
    """As the usual smoothing of the live path leaves them."""
    performance, shown = Performance(Actor()), []
    for k, (row, turn) in enumerate(zip(np.clip(weights, 0.0, 1.0), turns, strict=True)):
        stamp = Stamp(k, round(k * 1e9 / fps), 0)
        signal = Signal(stamp, row.astype(np.float32), turn.astype(np.float32))
        shown.append(performance.follow(signal).params.vector())
    return np.stack(shown)


def spread(rows: Array) -> float:
    """Of what trembles and is drawn, in standard deviations of the noise, over each second of thirty."""
    columns = trembling()
    units = heads_of(rows)[:, columns] / head_noise()[columns]
    return float(np.mean([units[first:last].std(0).mean() for first, last in pairwise(range(0, len(units) + 1, 30))]))


def test_heads_are_the_same_faces_and_each_trembling_one_is_in_one_region() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0.0, 1.0, (5, 67)).astype(np.float32)
    assert faces_of(heads_of(rows)) == pytest.approx(rows, abs=1e-5)
    weights = rng.uniform(0.0, 1.0, arkit.COUNT)
    units = heads_of(faces(weights[None]))[0, : len(UNITS)]
    assert units == pytest.approx([weights[arkit.INDEX[name]] for name in UNITS], abs=1e-5)
    assert sorted(np.concatenate(list(regions().values()))) == sorted(trembling())
    assert trembling().max() < DRAWN_PARAMS.stop


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("milliseconds", [40, 80, 120, 160, 200])
def test_a_micro_expression_keeps_its_peak(fps: int, milliseconds: int) -> None:
    for name, height in (("browInnerUp", 0.08), ("browInnerUp", 0.2), (SMILE, 0.08), (SMILE, 0.2), (SMILE, 0.4)):
        times_s, values = pulse(fps, milliseconds / 1000.0, height)
        shown = of(name, consistent(faces(moved(name, values)), times_s=times_s))
        assert shown.max() - 0.3 >= 0.95 * height
        assert int(shown.argmax()) == fps


def test_a_micro_expression_under_tremor_keeps_its_peak() -> None:
    """Over six of them: one alone is as uncertain as the noise on its peak."""
    for fps in (30, 60):
        kept = []
        for seed in range(6):
            times_s, values = pulse(fps, 0.12, 0.2)
            trembles, _ = tremor(len(values), seed)
            shown = of(SMILE, consistent(faces(moved(SMILE, values) + trembles), times_s=times_s))
            kept.append((shown[fps] - 0.3) / 0.2)
        assert np.mean(kept) >= 0.95


def test_nothing_is_late() -> None:
    times_s = np.arange(240) / 30.0
    values = 0.4 + 0.25 * np.sin(2.0 * np.pi * 0.7 * times_s)
    trembles, _ = tremor(len(values))
    shown = of(SMILE, consistent(faces(moved(SMILE, values) + trembles), times_s=times_s))
    middle = slice(60, 180)
    likeness = [
        np.corrcoef(values[middle], shown[60 + shift : 180 + shift])[0, 1] for shift in range(-3, 4)
    ]  # a picture is 33 ms, and the best of seven is the one in the middle
    assert int(np.argmax(likeness)) - 3 == 0
    assert np.sqrt(((shown - values) ** 2).mean()) < 0.7 * WEIGHT_NOISE


def test_time_turned_round_is_the_same() -> None:
    trembles, turns = tremor(150)
    values = 0.3 + 0.3 * np.clip(np.arange(150) / 30.0 - 2.0, 0.0, 1.0)
    rows = faces(moved(SMILE, values) + trembles, turns)
    there = consistent(rows)
    back = consistent(np.ascontiguousarray(rows[::-1]))[::-1]
    columns = trembling()
    apart = np.abs(heads_of(there) - heads_of(back))[:, columns] / head_noise()[columns]
    assert np.median(apart) < 0.01  # anchors are found from the first one on, so they may differ a little
    assert apart.max() < 1.5


def test_a_face_that_is_held_is_stiller_than_live() -> None:
    trembles, turns = tremor(300)
    wandering = np.cumsum(tremor(300, 1)[0], axis=0) * 0.1  # a tracker's noise is not only quick
    weights = 0.4 + trembles * 0.5 + wandering * 0.3
    seen, shown = faces(weights, turns), consistent(faces(weights, turns))
    live = live_smoothing(weights, turns, 30.0)
    assert spread(shown) < spread(live) < spread(seen)
    assert spread(shown) < 0.1 * spread(seen)


def test_the_rest_after_a_smile_is_the_rest_before_it() -> None:
    times_s = np.arange(240) / 30.0
    values = 0.3 + 0.5 * np.clip(np.minimum(times_s - 2.5, 5.5 - times_s), 0.0, 1.0)
    trembles, turns = tremor(len(values))
    weights = moved(SMILE, values) + trembles
    weights[150:] += 0.006  # and the tracker finds it a little elsewhere
    seen = faces(weights, turns)
    shown = consistent(seen, times_s=times_s)
    before, after = slice(10, 60), slice(180, 230)
    apart = np.abs(heads_of(shown)[before].mean(0) - heads_of(shown)[after].mean(0))[: len(UNITS)]
    was = np.abs(heads_of(seen)[before].mean(0) - heads_of(seen)[after].mean(0))[: len(UNITS)]
    assert apart.mean() < 0.1 * was.mean()


def test_what_moves_beyond_the_noise_is_left_as_it_is() -> None:
    times_s = np.arange(120) / 30.0
    values = 0.4 + 0.3 * np.sin(2.0 * np.pi * times_s)
    rows = faces(moved(SMILE, values))
    assert of(SMILE, consistent(rows, times_s=times_s)) == pytest.approx(values, abs=0.005)


def test_what_was_never_performed_is_not_shown() -> None:
    trembles, turns = tremor(200)
    weights = np.clip(trembles + moved(SMILE, np.repeat([0.0, 1.0], 100)), 0.0, 1.0)
    seen, shown = faces(weights, turns), consistent(faces(weights, turns))
    low, high = heads_of(seen).min(0), heads_of(seen).max(0)
    assert (heads_of(shown) >= low - 1e-5).all()
    assert (heads_of(shown) <= high + 1e-5).all()


def test_a_gap_in_time_parts_what_is_before_it_from_what_is_after() -> None:
    trembles, turns = tremor(60)
    rows = faces(0.3 + trembles, turns)
    apart_s = np.r_[np.arange(30) / 30.0, 100.0 + np.arange(30) / 30.0]
    both = consistent(rows, times_s=apart_s)
    assert np.isfinite(both).all()
    quick = consistent(rows[:30], times_s=apart_s[:30])
    columns = trembling()
    difference = np.abs(heads_of(both[:30]) - heads_of(quick))[:, columns] / head_noise()[columns]
    assert difference.max() < 1.0  # anchors alone reach over the gap


def test_a_face_that_fits_badly_leans_on_those_around_it() -> None:
    confidence = np.ones(91, np.float32)
    confidence[40:50] = 0.2
    values = np.full(91, 0.3)
    values[40:50:2] = 0.7  # it shakes while it is doubted
    rows = faces(moved(SMILE, values))
    doubted = of(SMILE, consistent(rows, confidence=confidence))
    believed = of(SMILE, consistent(rows))
    assert doubted[40:50].std() < 0.3 * believed[40:50].std()
    assert doubted[60:] == pytest.approx(0.3, abs=WEIGHT_NOISE / 2.0)


def test_the_same_faces_give_the_same_bytes_and_one_alone_is_itself() -> None:
    trembles, turns = tremor(90)
    rows = faces(0.3 + trembles, turns)
    assert consistent(rows).tobytes() == consistent(rows.copy()).tobytes()
    assert consistent(rows[:1]).tobytes() == rows[:1].tobytes()


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    trembles, turns = tremor(200)
    rows = faces(moved(SMILE, np.linspace(0.2, 0.8, 200)) + trembles, turns)
    whole = consistent(rows)
    monkeypatch.setattr("omote.engine.offline.consistency._ENTRIES", 50_000)
    assert consistent(rows) == pytest.approx(whole, abs=1e-4)


def test_another_basis_is_refused_because_its_noise_is_not_known() -> None:
    with pytest.raises(RenderError, match='"flame2020"'):
        consistent(np.zeros((3, 67), np.float32), "flame2020")
