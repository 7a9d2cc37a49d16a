"""A take or a video becomes an animation: stabilized, without delay, at any frame rate."""

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
from omote.engine.data import Actor, Array, FlameParams, Signal, Stamp
from omote.engine.face.light import studio_light
from omote.engine.face.presence import idle_face
from omote.engine.face.retarget import UNITS, from_weights, retarget
from omote.engine.offline.animation import Animation, Float64Array, RenderError, Sound
from omote.engine.offline.face_limits import NECK, rows_from_faces
from omote.engine.offline.performance import exact_fps, read_performance, resample
from omote.engine.rotation import blend_rotations

SMILE = "mouthSmileLeft"
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


def performance(
    of: Take, fps: Fraction | None = None, playback: Playback | None = None, *, consistency: bool = True
) -> Animation:
    source = TakeSource(of, "take.csv", is_offline=True, playback=playback or Playback())
    return read_performance(source, Actor(), studio_light(), "hana", fps=fps, consistency=consistency)


class ListSource:
    """A source that returns these signals and does not know its frame rate; at its end it raises `end`."""

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


def test_a_take_becomes_an_animation_at_its_own_rate() -> None:
    made = performance(take(90))
    assert (len(made), made.fps, made.cast) == (90, Fraction(30), ("hana",))
    assert (made.presence == 1.0).all()
    assert (made.lights == studio_light()).all()
    assert made.sound is None


def test_without_consistency_each_face_is_as_tracked() -> None:
    of = take(60)
    made = performance(of, consistency=False)
    seen = np.stack([retarget(of.signal(row, Stamp(row, 0, 0)), Actor()).vector() for row in range(60)])
    assert made.faces.tobytes() == seen.tobytes()


def test_a_movement_is_not_late() -> None:
    of = take(120)
    jaw = performance(of).faces[:, 50]
    seen = of.weights[:, arkit.INDEX["jawOpen"]] * jaw.max()
    assert jaw == pytest.approx(seen, abs=0.01)
    assert [int(np.argmax(jaw[first : first + 30])) for first in (0, 30, 60)] == [15, 15, 15]


def test_the_same_take_gives_the_same_performance() -> None:
    assert performance(take(60)).digest() == performance(take(60)).digest()


@pytest.mark.parametrize(("fps", "count"), [(Fraction(60), 120), (Fraction(24), 48), (Fraction(30000, 1001), 60)])
def test_another_rate_keeps_the_duration(fps: Fraction, count: int) -> None:
    made = performance(take(60), fps)
    assert (len(made), made.fps) == (count, fps)


def test_a_take_played_twice_as_fast_has_twice_the_rate_and_half_the_length() -> None:
    made = performance(take(60), playback=Playback(speed=2.0))
    assert (made.fps, len(made)) == (Fraction(60), 60)
    assert len(performance(take(60), playback=Playback(start_s=0.5, end_s=1.5))) == 30


def test_a_lost_face_is_held_then_eased_to_rest_then_idle_and_comes_back() -> None:
    made = performance(take(180, lost=slice(46, 150)))
    jaw = made.faces[:, 50]
    assert made.presence[:59].tolist() == [1.0] * 59
    assert np.ptp(jaw[46:59]) == 0.0  # half a second
    assert jaw[46] == jaw[45] > 0.3  # and without a pop
    assert 0.0 < made.presence[70] < 1.0
    assert made.presence[95:149].max() == 0.0
    assert made.params(120).vector() == pytest.approx(idle_face(4.0).vector(), abs=1e-6)
    assert made.presence[-1] == 1.0


def test_presence_is_0_where_pictures_are_missing() -> None:
    of = take(90)
    times_s = of.time_s + np.where(np.arange(90) >= 45, 3.0, 0.0)
    made = performance(replace(of, time_s=times_s))
    assert len(made) == 180
    assert made.presence[44] == made.presence[-1] == 1.0
    assert made.presence[110] == 0.0


def test_a_source_without_a_rate_has_that_of_its_pictures() -> None:
    made = read_performance(ListSource([None, *signals(np.arange(10) / 25.0)]), Actor(), studio_light(), "hana")
    assert (len(made), made.fps) == (10, Fraction(25))


def test_progress_is_reported_and_the_source_closed() -> None:
    progress: list[int] = []
    source = ListSource(signals(np.arange(3) / 30.0))
    made = read_performance(
        source, Actor(), studio_light(), "hana", sound=Sound(Path("a.wav"), 0.5), on_progress=progress.append
    )
    assert progress == [1, 2, 3]
    assert made.sound == Sound(Path("a.wav"), 0.5)
    assert not source.is_open


def test_a_performance_of_no_picture_is_refused() -> None:
    with pytest.raises(RenderError, match="no picture in a list"):
        read_performance(ListSource([]), Actor(), studio_light(), "hana")


def test_a_performance_without_a_face_is_refused() -> None:
    with pytest.raises(RenderError, match=r"no face was seen in the 5 pictures of a list: wanted a face"):
        read_performance(ListSource(signals(np.arange(5) / 30.0, is_tracked=False)), Actor(), studio_light(), "hana")


@pytest.mark.parametrize("end", [SourceError("picture 3 cannot be decoded"), KeyboardInterrupt()])
def test_an_error_of_the_source_is_raised_and_the_source_closed(end: BaseException) -> None:
    source = ListSource(signals(np.arange(3) / 30.0), end)
    with pytest.raises(type(end)):
        read_performance(source, Actor(), studio_light(), "hana")
    assert not source.is_open


def test_the_demo_is_hardly_changed() -> None:
    """It was made by hand and has no noise."""
    sources = [open_source("demo", is_offline=True) for _ in range(2)]
    steady = read_performance(sources[0], Actor(), studio_light(), "hana")
    seen = read_performance(sources[1], Actor(), studio_light(), "hana", consistency=False)
    apart = np.abs(rows_from_faces(steady.faces) - rows_from_faces(seen.faces))[:, : len(UNITS)]
    assert np.mean(apart) < 0.004
    assert FlameParams.from_vector(steady.faces[0]).basis == steady.basis


@pytest.mark.skipif(not CLIP.is_file(), reason="the clip is not part of the repository")
def test_a_video_is_tracked_to_its_end() -> None:
    source = open_source(str(CLIP), is_offline=True, playback=Playback(end_s=0.5))
    made = read_performance(source, Actor(), studio_light(), "hana")
    assert (len(made), made.fps) == (13, Fraction(25))
    assert np.ptp(made.faces, axis=0).max() > 0.0


# Frame rates.


def smiles(values: Float64Array) -> Array:
    weights = np.zeros((len(values), arkit.COUNT), np.float32)
    weights[:, arkit.INDEX[SMILE]] = values
    return np.stack([from_weights(row).vector() for row in weights])


def smile_of(rows: Array) -> Float64Array:
    return rows_from_faces(rows)[:, UNITS.index(SMILE)]


def at_rate(values: Float64Array, first: int, last: int) -> Float64Array:
    """A smile at `first` pictures a second, resampled to `last`."""
    count = len(values)
    times_s = np.arange(count) / first
    return smile_of(resample(smiles(values), np.ones(count, np.float32), times_s, count / first, Fraction(last))[0])


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (30.0, Fraction(30)),
        (25.0, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (29.97002997, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_the_rate_of_a_float_is_exact(fps: float, exact: Fraction) -> None:
    assert exact_fps(fps) == exact


def test_faces_on_the_grid_come_back_as_they_are() -> None:
    rows, presence = smiles(np.linspace(0.0, 1.0, 50)), np.ones(50, np.float32)
    times_s = np.round(np.arange(50) / 30.0, 3)  # as a file prints them
    found, present = resample(rows, presence, times_s, 50 / 30.0, Fraction(30))
    assert found.tobytes() == rows.tobytes()
    assert present.tobytes() == presence.tobytes()


@pytest.mark.parametrize(("first", "last"), [(60, 30), (60, 24), (30, 24), (30, 60)])
@pytest.mark.parametrize("milliseconds", [40, 80, 120, 160, 200])
def test_a_micro_expression_keeps_its_peak_and_its_time(first: int, last: int, milliseconds: int) -> None:
    for offset in range(10):
        since_s = np.arange(2 * first) / first - (1.0 + offset / (10.0 * first))
        shape = np.cos(np.pi * since_s / (milliseconds / 1000.0)) ** 2
        values = np.where(np.abs(since_s) < milliseconds / 2000.0, 0.4 * shape, 0.0)
        shown = at_rate(values, first, last)
        assert len(shown) == 2 * last
        assert shown.max() == pytest.approx(values.max(), abs=1e-3)
        late_s = shown.argmax() / last - values.argmax() / first
        assert abs(late_s) <= 0.5 / last + 0.5 / first + 1e-9  # the nearest picture
        assert shown[: round(0.8 * last)].max() < 1e-6  # it lasts at most one picture longer
        assert shown[round(1.2 * last) :].max() < 1e-6


def test_a_pulse_shorter_than_a_picture_is_one_picture() -> None:
    values = np.zeros(120)
    values[61] = 0.5
    assert np.count_nonzero(at_rate(values, 120, 24) > 0.01) == 1


def test_velocity_does_not_jump_and_no_value_is_exceeded() -> None:
    values = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(30) / 30.0)
    shown = at_rate(values, 30, 600)
    assert np.abs(np.diff(shown, 2)).max() < 0.1 * np.abs(np.diff(shown)).max()
    assert shown.min() >= values.min() - 1e-6
    assert shown.max() <= values.max() + 1e-6
    # A step does not ring.
    assert (np.diff(at_rate(np.repeat([0.2, 0.8], 20), 30, 120)) >= -1e-7).all()


def test_uneven_times_are_resampled() -> None:
    rng = np.random.default_rng(0)
    times_s = np.sort(np.r_[0.0, rng.uniform(0.0, 2.0, 70)])
    rows, presence = resample(smiles(times_s / 2.0), np.ones(71, np.float32), times_s, 2.0, Fraction(30))
    assert len(rows) == 60
    assert smile_of(rows)[:55] == pytest.approx(np.arange(55) / 60.0, abs=0.01)
    assert (presence == 1.0).all()
    # Of two faces at one time the later one counts.
    values, times_s = np.array([0.0, 0.9, 0.4, 0.4]), np.array([0.0, 0.1, 0.1, 0.2])
    rows, _ = resample(smiles(values), np.ones(4, np.float32), times_s, 0.3, Fraction(10))
    assert smile_of(rows) == pytest.approx([0.0, 0.4, 0.4], abs=1e-6)


def test_presence_stays_between_0_and_1() -> None:
    presence = np.repeat([1.0, 0.0, 1.0], 10).astype(np.float32)
    _, found = resample(smiles(np.zeros(30)), presence, np.arange(30) / 30.0, 1.0, Fraction(97))
    assert (found.min(), found.max()) == (0.0, 1.0)


def test_one_face_is_shown_for_the_whole_duration() -> None:
    rows, _ = resample(smiles(np.array([0.5])), np.ones(1, np.float32), np.zeros(1), 0.1, Fraction(60))
    assert smile_of(rows) == pytest.approx(np.full(6, 0.5))


@pytest.mark.parametrize(
    ("first", "last", "between"),
    [
        ((0.0, 3.0, 0.0), (0.0, -3.0, 0.0), (0.0, np.pi, 0.0)),  # the short way round
        ((0.3, -0.2, 0.1), (-0.4, 0.5, 0.2), None),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_a_head_between_two_turns_is_where_slerp_has_it(
    first: tuple[float, ...], last: tuple[float, ...], between: tuple[float, ...] | None
) -> None:
    rows = np.zeros((2, 67), np.float32)
    rows[0, NECK], rows[1, NECK] = first, last
    found, _ = resample(rows, np.ones(2, np.float32), np.array([0.0, 0.5]), 1.0, Fraction(4))
    middle = blend_rotations(rows[0, NECK], rows[1, NECK], 0.5) if between is None else np.array(between)
    assert found[1, NECK] * np.sign(found[1, NECK] @ middle or 1.0) == pytest.approx(middle, abs=1e-4)
    assert found[0, NECK] == pytest.approx(first, abs=1e-6)
