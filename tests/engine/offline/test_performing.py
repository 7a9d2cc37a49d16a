"""What becomes of a performance before the first picture of it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.source import EndOfSource, Playback, SourceError
from omote.engine.capture.sources import open_source
from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import Actor, FlameParams, Signal, Stamp
from omote.engine.face.light import studio_light
from omote.engine.face.presence import idle_face
from omote.engine.face.retarget import UNITS, retarget
from omote.engine.offline.animation import Animation, RenderError, Sound
from omote.engine.offline.consistency_heads import heads_of
from omote.engine.offline.performance import read_performance

CLIP = Path(__file__).resolve().parents[4] / "shared" / "media" / "d0.mp4"


def take(length: int, fps: float = 30.0, lost: slice = slice(0)) -> Take:
    """A jaw that opens and shuts once a second, and no face for a while."""
    times_s = np.arange(length) / fps
    weights = np.zeros((length, arkit.COUNT), np.float32)
    weights[:, arkit.INDEX["jawOpen"]] = 0.5 - 0.5 * np.cos(2.0 * np.pi * times_s)
    confidence = np.ones(length, np.float32)
    confidence[lost] = 0.0
    still = np.zeros((length, 3), np.float32)
    return Take(fps, times_s, weights, still, still, np.zeros((length, 2, 2), np.float32), confidence)


def script(
    of: Take, fps: Fraction | None = None, playback: Playback | None = None, *, consistency: bool = True
) -> Animation:
    source = TakeSource(of, "take.csv", is_offline=True, playback=playback or Playback())
    return read_performance(source, Actor(), studio_light(), "hana", fps=fps, consistency=consistency)


class Listed:
    """A source that gives these, one after the other, and does not say how fast; then what it is told to raise."""

    name = "a list"
    dropped = 0

    def __init__(self, signals: Sequence[Signal | None], end: BaseException | None = None) -> None:
        self._left, self._end = list(signals), end or EndOfSource(self.name)
        self.is_open = False

    def __enter__(self) -> Self:
        self.is_open = True
        return self

    def __exit__(self, *error: object) -> None:
        self.is_open = False

    def read(self, timeout_s: float) -> Signal | None:
        if not self._left:
            raise self._end
        return self._left.pop(0)


def signals(times_s: NDArray[np.float64], *, is_tracked: bool = True) -> list[Signal]:
    weights = arkit.weights({"jawOpen": 0.5})
    stamps = [Stamp(k, 5_000_000_000 + round(time_s * 1e9), 0) for k, time_s in enumerate(times_s)]
    return [Signal(stamp, weights, confidence=float(is_tracked)) for stamp in stamps]


@pytest.mark.parametrize(("start_s", "first_s"), [(0.0, 0.0), (0.35, 0.4), (0.4, 0.4)])
def test_a_sound_begins_with_the_first_picture_of_a_part(start_s: float, first_s: float) -> None:
    source = TakeSource(take(20, 10.0), "take.csv", is_offline=True, playback=Playback(start_s=start_s))
    made = read_performance(source, Actor(), studio_light(), "hana", sound=Sound(Path("a.wav"), start_s))
    assert made.sound and made.sound.start_s == pytest.approx(first_s)


def test_a_take_becomes_a_script_at_its_own_rate() -> None:
    made = script(take(90))
    assert (len(made), made.fps, made.cast) == (90, Fraction(30), ("hana",))
    assert (made.presence == 1.0).all()
    assert (made.lights == studio_light()).all()
    assert made.sound is None


def test_without_consistency_each_face_is_as_it_was_seen() -> None:
    of = take(60)
    made = script(of, consistency=False)
    seen = np.stack([retarget(of.signal(row, Stamp(row, 0, 0)), Actor()).vector() for row in range(60)])
    assert made.faces.tobytes() == seen.tobytes()


def test_a_movement_is_not_late() -> None:
    of = take(120)
    jaw = script(of).faces[:, 50]
    seen = of.weights[:, arkit.INDEX["jawOpen"]] * jaw.max()
    assert jaw == pytest.approx(seen, abs=0.01)
    assert [int(np.argmax(jaw[first : first + 30])) for first in (0, 30, 60)] == [15, 15, 15]


def test_the_same_take_gives_the_same_script() -> None:
    assert script(take(60)).digest() == script(take(60)).digest()


@pytest.mark.parametrize(("fps", "count"), [(Fraction(60), 120), (Fraction(24), 48), (Fraction(30000, 1001), 60)])
def test_another_rate_keeps_the_duration(fps: Fraction, count: int) -> None:
    made = script(take(60), fps)
    assert (len(made), made.fps) == (count, fps)
    assert made.seconds == pytest.approx(2.0, abs=0.5 / float(fps))


def test_the_rate_of_film_is_exact() -> None:
    assert script(take(30, 29.97)).fps == Fraction(30000, 1001)


def test_a_take_played_twice_as_fast_has_twice_the_rate_and_half_the_length() -> None:
    made = script(take(60), playback=Playback(speed=2.0))
    assert (made.fps, made.seconds) == (Fraction(60), 1.0)
    assert script(take(60), playback=Playback(start_s=0.5, end_s=1.5)).seconds == 1.0


def test_a_lost_face_is_held_then_eased_to_rest_then_idle_and_comes_back() -> None:
    made = script(take(180, lost=slice(46, 150)))
    jaw = made.faces[:, 50]
    assert made.presence[:59].tolist() == [1.0] * 59
    assert np.ptp(jaw[46:59]) == 0.0  # half a second
    assert jaw[46] == jaw[45] > 0.3  # and without a pop
    assert 0.0 < made.presence[70] < 1.0
    assert made.presence[95:149].max() == 0.0
    assert made.params(120).vector() == pytest.approx(idle_face(4.0).vector(), abs=1e-6)
    assert made.presence[-1] == 1.0


def test_where_pictures_are_missing_nobody_is_seen() -> None:
    of = take(90)
    times_s = of.time_s + np.where(np.arange(90) >= 45, 3.0, 0.0)
    made = script(replace(of, time_s=times_s))
    assert len(made) == 180
    assert made.presence[44] == made.presence[-1] == 1.0
    assert made.presence[110] == 0.0


def test_uneven_times_become_even_ones() -> None:
    rng = np.random.default_rng(0)
    of = take(60)
    uneven = np.r_[0.0, np.sort(of.time_s[1:] + rng.uniform(-0.015, 0.015, 59))]
    weights = np.zeros_like(of.weights)
    weights[:, arkit.INDEX["jawOpen"]] = uneven / 2.0
    made = script(replace(of, time_s=uneven, weights=weights))
    steps = np.diff(made.faces[:55, 50])
    assert len(made) in (59, 60, 61)
    assert steps == pytest.approx(np.full(54, np.median(steps)), rel=0.3)


def test_a_source_that_does_not_say_its_rate_has_that_of_its_pictures() -> None:
    made = read_performance(Listed([None, *signals(np.arange(10) / 25.0)]), Actor(), studio_light(), "hana")
    assert (len(made), made.fps) == (10, Fraction(25))


def test_it_tells_how_far_it_is_and_closes_the_source() -> None:
    told: list[int] = []
    source = Listed(signals(np.arange(3) / 30.0))
    made = read_performance(source, Actor(), studio_light(), "hana", sound=Sound(Path("a.wav"), 0.5), tell=told.append)
    assert told == [1, 2, 3]
    assert made.sound == Sound(Path("a.wav"), 0.5)
    assert not source.is_open


def test_a_performance_of_no_picture_is_refused() -> None:
    with pytest.raises(RenderError, match="no picture in a list"):
        read_performance(Listed([]), Actor(), studio_light(), "hana")


def test_a_performance_without_a_face_is_refused() -> None:
    with pytest.raises(RenderError, match=r"no face was seen in the 5 pictures of a list: wanted a face"):
        read_performance(Listed(signals(np.arange(5) / 30.0, is_tracked=False)), Actor(), studio_light(), "hana")


@pytest.mark.parametrize("end", [SourceError("picture 3 cannot be decoded"), KeyboardInterrupt()])
def test_what_interrupts_the_reading_is_told_and_the_source_closed(end: BaseException) -> None:
    source = Listed(signals(np.arange(3) / 30.0), end)
    with pytest.raises(type(end)):
        read_performance(source, Actor(), studio_light(), "hana")
    assert not source.is_open


def test_the_demo_is_steadied_by_next_to_nothing_where_it_moves() -> None:
    """It was composed by hand and has no noise."""
    sources = [open_source("demo", is_offline=True) for _ in range(2)]
    steady = read_performance(sources[0], Actor(), studio_light(), "hana")
    seen = read_performance(sources[1], Actor(), studio_light(), "hana", consistency=False)
    apart = np.abs(heads_of(steady.faces) - heads_of(seen.faces))[:, : len(UNITS)]
    assert np.mean(apart) < 0.004
    assert FlameParams.from_vector(steady.faces[0]).basis == steady.basis


@pytest.mark.skipif(not CLIP.is_file(), reason="the clip is not part of the repository")
def test_a_video_is_tracked_to_its_end() -> None:
    source = open_source(str(CLIP), is_offline=True, playback=Playback(end_s=0.5))
    made = read_performance(source, Actor(), studio_light(), "hana")
    assert (len(made), made.fps) == (13, Fraction(25))
    assert np.ptp(made.faces, axis=0).max() > 0.0
