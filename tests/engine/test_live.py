"""The loop, driven by takes and by sources that do one thing wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.source import EndOfSource, Source, SourceError
from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import Actor, AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from omote.engine.face.expressions import Expression
from omote.engine.face.head import JAW_OPEN_RAD
from omote.engine.face.light import studio_light
from omote.engine.face.performance import NoFaceError
from omote.engine.face.retarget import to_weights
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus
from omote.engine.model.portrait_renderer import Fading
from omote.engine.testing.drawing import FlatRenderer, painted_character

NOBODY = painted_character("nobody")
PATIENCE_S = 20.0


def take(length: int, lost: tuple[int, ...] = ()) -> Take:
    """A jaw that opens evenly; no face in the pictures that are `lost`."""
    weights = np.zeros((length, arkit.COUNT), np.float32)
    weights[:, arkit.INDEX["jawOpen"]] = np.linspace(0.0, 1.0, length)
    confidence = np.ones(length, np.float32)
    confidence[list(lost)] = 0.0
    still = np.zeros((length, 3), np.float32)
    return Take(30.0, np.arange(length) / 30.0, weights, still, still, np.zeros((length, 2, 2), np.float32), confidence)


class Album:
    """An output that keeps every portrait, and tells the meter that it was sent."""

    name = "album"

    def __init__(self, meter: LatencyMeter | None = None) -> None:
        self.portraits: list[Portrait] = []
        self._meter = meter
        self._came = threading.Condition()

    def offer(self, portrait: Portrait) -> None:
        if self._meter:
            self._meter.sent(portrait.stamp.index, time.perf_counter_ns())
        with self._came:
            self.portraits.append(portrait)
            self._came.notify_all()

    def wait_for(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.portraits) >= count, PATIENCE_S)

    def wait_until(self, is_such: Callable[[Portrait], bool]) -> None:
        """For a newest portrait that is such a one."""
        with self._came:
            assert self._came.wait_for(lambda: is_such(self.portraits[-1]), PATIENCE_S)


class ScriptedSource:
    """A live source: gives one signal, then does what it was told."""

    def __init__(self, name: str, then: Exception | None = None, on_open: Exception | None = None) -> None:
        self.name, self.dropped = name, 0
        self.is_closed = threading.Event()
        self.then, self._on_open, self._count = then, on_open, 0

    def __enter__(self) -> Self:
        if self._on_open:
            raise self._on_open
        return self

    def __exit__(self, *error: object) -> None:
        self.is_closed.set()

    def read(self, timeout_s: float) -> Signal | None:
        self._count += 1
        if self._count == 1:
            now = Stamp(0, time.perf_counter_ns(), time.time_ns())
            return Signal(now, arkit.weights({"jawOpen": 1.0}))
        if self.then:
            raise self.then
        time.sleep(min(timeout_s, 0.01))
        return None


class ForgetfulArtist(FlatRenderer):
    """Fails at the first picture that is drawn from a signal."""

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
        fading: Fading = (),
        marks: Array | None = None,
        hair: float = 0.0,
    ) -> Portrait:
        if signal is not None:
            raise RuntimeError("the brush is lost")
        return super().draw(params, character, light, stamp=stamp, signal=signal, presence=presence, fading=fading)


def live(source: Source, album: Album, *, is_offline: bool = False, meter: LatencyMeter | None = None) -> LiveLoop:
    return LiveLoop(
        source, FlatRenderer(), NOBODY, Actor(), studio_light(), [album], meter=meter, is_offline=is_offline
    )


def offline(length: int, lost: tuple[int, ...] = ()) -> TakeSource:
    return TakeSource(take(length, lost), "take.csv", is_offline=True)


def test_offline_every_picture_of_a_file_is_drawn_once_and_in_order() -> None:
    album = Album()
    report = live(offline(200), album, is_offline=True).run()
    assert [portrait.stamp.index for portrait in album.portraits] == list(range(200))
    assert (report.pictures, report.dropped, report.tracked_fraction) == (200, 0, 1.0)


def test_offline_a_file_is_drawn_the_same_every_time() -> None:
    first, second = Album(), Album()
    for album in (first, second):
        live(offline(120, lost=tuple(range(30, 110))), album, is_offline=True).run()
    for one, other in zip(first.portraits, second.portraits, strict=True):
        np.testing.assert_array_equal(one.rgba, other.rgba)
        assert one.presence == other.presence
    assert min(portrait.presence for portrait in first.portraits) == 0.0


def test_a_file_that_ends_ends_the_loop_in_real_time_too() -> None:
    album = Album()
    report = live(TakeSource(take(5), "take.csv", fps=100.0), album).run()
    seen = [portrait.signal for portrait in album.portraits if portrait.signal]
    assert len(seen) + report.dropped == 5
    assert seen[-1].stamp.index == 4


def test_a_portrait_carries_what_was_seen_and_the_time_of_every_stage() -> None:
    album = Album()
    live(offline(3), album, is_offline=True).run()
    portrait = album.portraits[-1]
    assert portrait.signal is not None
    assert portrait.signal.weights[arkit.INDEX["jawOpen"]] == 1.0
    assert [name for name, _ in portrait.stamp.finished] == ["track", "wait", "pose", "draw"]
    times = [portrait.stamp.captured_ns, *(at_ns for _, at_ns in portrait.stamp.finished)]
    assert times == sorted(times)


def test_the_report_tells_latency_stages_and_what_ran() -> None:
    meter = LatencyMeter()
    report = live(offline(40, lost=(0, 1, 2, 3)), Album(meter), is_offline=True, meter=meter).run()
    assert report.latency.total is not None
    assert [name for name, _ in report.latency.stages] == ["track", "wait", "pose", "draw", "send"]
    assert report.tracked_fraction == 0.9
    assert (report.size, report.steps, report.runtime) == (8, 1, "flat")
    assert (report.source, report.character) == ("take.csv", "nobody")
    assert report.seconds > 0.0
    assert report.warm_up_s > 0.0


def test_seconds_end_a_loop_that_would_not_end() -> None:
    source = ScriptedSource("endless")
    report = live(source, Album()).run(seconds=0.05)
    assert report.seconds >= 0.05
    assert source.is_closed.wait(PATIENCE_S)


def test_an_error_in_the_artist_ends_the_loop_with_that_error() -> None:
    broken = LiveLoop(offline(5), ForgetfulArtist(), NOBODY, Actor(), studio_light(), [], is_offline=True)
    with pytest.raises(RuntimeError, match="the brush is lost"):
        broken.run()


def test_an_error_in_the_source_ends_the_loop_with_that_error() -> None:
    with pytest.raises(SourceError, match="unplugged"):
        live(ScriptedSource("camera", then=SourceError("unplugged")), Album()).run()


def test_a_source_that_does_not_open_ends_the_loop_with_its_error() -> None:
    album = Album()
    with pytest.raises(SourceError, match="in use"):
        live(ScriptedSource("camera", on_open=SourceError("in use")), album).run()
    assert album.portraits == []


def test_one_picture_that_fails_does_not_end_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    album, source = Album(), ScriptedSource("phone")
    loop = LiveLoop(source, ForgetfulArtist(), NOBODY, Actor(), studio_light(), [album])
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(5)  # of the idle portrait, after the one signal that cannot be drawn
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    assert loop.report().failed == 1
    assert "the brush is lost" in caplog.text


def test_a_stream_ends_where_no_picture_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omote.engine.live.loop.MOST_FAILURES", 3)
    artist = ForgetfulArtist()
    loop = LiveLoop(ScriptedSource("phone"), artist, NOBODY, Actor(), studio_light(), [])

    def never(*_: object, **__: object) -> Portrait:
        raise RuntimeError("no colour is left")

    loop.scene.warm_up = lambda: setattr(artist, "draw", never)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no colour is left"):
        loop.run(seconds=PATIENCE_S)
    assert loop.report().failed == 2


def test_a_source_that_falls_silent_leaves_a_portrait_that_eases_to_rest() -> None:
    album, source = Album(), ScriptedSource("phone")
    loop = live(source, album)
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(10)
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    waiting = album.portraits[1:]
    assert all(portrait.signal is None for portrait in waiting)
    assert [portrait.stamp.index for portrait in album.portraits] == list(range(len(album.portraits)))
    presences = [portrait.presence for portrait in album.portraits]
    assert presences == sorted(presences, reverse=True)
    assert presences[-1] < presences[0] == 1.0


def test_the_source_can_be_changed_while_the_loop_runs() -> None:
    album, before, after = Album(), ScriptedSource("before"), ScriptedSource("after")
    loop = live(before, album)
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(1)
    loop.use(after)
    assert before.is_closed.wait(PATIENCE_S)
    after.then = EndOfSource()
    runner.join(PATIENCE_S)
    report = loop.report()
    assert report.source == "after"
    indices = [portrait.stamp.index for portrait in album.portraits]
    assert indices == sorted(set(indices))


def test_a_source_that_does_not_open_leaves_the_one_that_plays() -> None:
    album, source = Album(), ScriptedSource("playing")
    loop = live(source, album)
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(1)
    with pytest.raises(SourceError, match="no camera"):
        loop.use(ScriptedSource("camera", on_open=SourceError("no camera")))
    assert runner.is_alive()
    assert not source.is_closed.is_set()
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    assert loop.report().source == "playing"


class SlowSource(ScriptedSource):
    """Opens when it may."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_opening, self.may_open = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self.is_opening.set()
        assert self.may_open.wait(PATIENCE_S)
        return self


def test_a_source_that_opens_while_the_loop_ends_is_closed_again() -> None:
    album, before, late = Album(), ScriptedSource("before"), SlowSource("late")
    loop = live(before, album)
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(1)
    said: list[SourceError] = []

    def change() -> None:
        try:
            loop.use(late)
        except SourceError as error:
            said.append(error)

    changer = threading.Thread(target=change, daemon=True)
    changer.start()
    assert late.is_opening.wait(PATIENCE_S)
    before.then = EndOfSource()
    runner.join(PATIENCE_S)
    late.may_open.set()
    changer.join(PATIENCE_S)
    assert late.is_closed.wait(PATIENCE_S)
    assert "the loop has ended" in str(said[0])


def test_nothing_is_opened_after_the_loop_has_ended() -> None:
    loop, late = live(offline(3), Album()), SlowSource("late")
    loop.run()
    with pytest.raises(SourceError, match="the loop has ended"):
        loop.use(late)
    assert not late.is_opening.is_set()


def test_the_source_is_not_changed_before_the_loop_begins() -> None:
    with pytest.raises(SourceError, match="first picture"):
        live(ScriptedSource("a"), Album()).use(ScriptedSource("b"))


class Portraitist(FlatRenderer):
    """Cannot draw one character."""

    def check(self, character: AnyCharacter) -> None:
        if character.name == "nobody at all":
            raise ValueError("nobody at all cannot be drawn")


def running(source: Source, album: Album) -> tuple[LiveLoop, threading.Thread]:
    loop = LiveLoop(source, Portraitist(), NOBODY, Actor(), studio_light(), [album])
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(1)
    return loop, runner


def test_light_and_character_can_be_changed_while_the_loop_runs() -> None:
    album, source = Album(), ScriptedSource("phone")
    loop, runner = running(source, album)
    dim = studio_light() * 0.5
    loop.scene.use_light(dim)
    loop.scene.change(replace(NOBODY, name="somebody"))
    dim[:] = 0.0  # what the caller does with it afterwards is the caller's affair
    album.wait_for(len(album.portraits) + 2)
    np.testing.assert_array_equal(album.portraits[-1].light, studio_light() * 0.5)
    loop.scene.use_light(None)
    album.wait_for(len(album.portraits) + 2)
    np.testing.assert_array_equal(album.portraits[-1].light, studio_light())
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    assert loop.report().character == "somebody"


def test_what_cannot_be_shown_leaves_what_is_shown() -> None:
    album, source = Album(), ScriptedSource("phone")
    loop, runner = running(source, album)
    with pytest.raises(ValueError, match="cannot be drawn"):
        loop.scene.change(replace(NOBODY, name="nobody at all"))
    with pytest.raises(ValueError, match="27"):
        loop.scene.use_light(np.zeros(9, np.float32))
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    assert loop.report().character == "nobody"
    np.testing.assert_array_equal(album.portraits[-1].light, studio_light())


def test_an_expression_moves_the_portrait_while_nothing_comes_from_the_source() -> None:
    album, source = Album(), ScriptedSource("phone")
    loop, runner = running(source, album)
    loop.scene.express(Expression(arkit.weights({"cheekPuff": 1.0}), attack_s=0.1, hold_s=None))
    album.wait_for(30)
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    puffs = [to_weights(portrait.params)[arkit.INDEX["cheekPuff"]] for portrait in album.portraits]
    assert all(portrait.signal is None for portrait in album.portraits[1:])
    assert puffs[0] == pytest.approx(0.0, abs=1e-5)
    assert puffs[-1] == pytest.approx(1.0, abs=1e-4)


def test_offline_an_expression_keeps_the_files_time() -> None:
    album = Album()
    loop = live(offline(30), album, is_offline=True)
    loop.scene.express(Expression(arkit.weights({"cheekPuff": 1.0}), attack_s=0.2, hold_s=0.2, release_s=0.2))
    loop.run()
    puffs = np.array([to_weights(portrait.params)[arkit.INDEX["cheekPuff"]] for portrait in album.portraits])
    wanted = [3 * s**2 - 2 * s**3 for s in np.clip([min(k / 6.0, (18 - k) / 6.0) for k in range(30)], 0.0, 1.0)]
    np.testing.assert_allclose(puffs, wanted, atol=1e-5)


class SteadySource(ScriptedSource):
    """Somebody whose mouth stands open."""

    def read(self, timeout_s: float) -> Signal | None:
        if not self.then:
            time.sleep(min(timeout_s, 0.01))
            self._count = 0
        return super().read(timeout_s)


def test_pictures_come_no_faster_than_they_may() -> None:
    album, source = Album(), SteadySource("phone")
    loop = live(source, album)
    loop.rate.limit(25.0)
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(8)
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    taken_ns = [dict(portrait.stamp.finished)["wait"] for portrait in album.portraits]
    # One that came late is followed half a period sooner, so that many keep the rate.
    assert all(at_ns - taken_ns[0] >= (count - 0.5) * 40_000_000 for count, at_ns in enumerate(taken_ns))


def test_portraits_that_nobody_plays_come_no_faster_than_they_may() -> None:
    album, source = Album(), ScriptedSource("phone")
    loop = live(source, album)
    loop.rate.limit(5.0)
    runner = threading.Thread(target=loop.run, kwargs={"seconds": PATIENCE_S}, daemon=True)
    runner.start()
    album.wait_for(6)
    source.then = EndOfSource()
    runner.join(PATIENCE_S)
    taken_ns = [portrait.stamp.captured_ns for portrait in album.portraits if portrait.signal is None]
    assert all(at_ns - taken_ns[0] >= (count - 0.5) * 200_000_000 for count, at_ns in enumerate(taken_ns))


def test_the_face_of_this_moment_can_become_the_one_at_rest_until_somebody_else_performs() -> None:
    album, another = Album(), SteadySource("another phone")
    loop, runner = running(SteadySource("phone"), album)
    loop.scene.recalibrate()
    album.wait_until(lambda portrait: portrait.params.jaw_pose[0] == 0.0)
    loop.use(another)
    album.wait_until(lambda portrait: bool(portrait.params.jaw_pose[0] == np.float32(JAW_OPEN_RAD)))
    another.then = EndOfSource()
    runner.join(PATIENCE_S)


def test_without_a_face_there_is_none_to_be_at_rest() -> None:
    with pytest.raises(NoFaceError, match="no face was seen"):
        live(offline(3), Album(), is_offline=True).scene.recalibrate()


def test_once_a_second_somebody_is_told_how_it_goes() -> None:
    told: list[LiveStatus] = []
    source = ScriptedSource("phone")

    def tell(moment: LiveStatus) -> None:
        told.append(moment)
        source.then = EndOfSource()

    live(source, Album()).run(on_second=tell)
    assert told[0].source == "phone"
    assert told[0].tracked_fraction == 1.0


def test_what_is_older_never_takes_a_newer_pictures_number() -> None:
    loop = live(offline(3), Album(), is_offline=True)
    loop.run()
    assert loop.scene.next_index(0) == 3
    assert loop.scene.next_index(7) == 7


def test_stamps_of_another_clock_are_replaced_offline_only() -> None:
    album = Album()
    before_ns = time.perf_counter_ns()
    live(offline(2), album, is_offline=True).run()
    assert all(portrait.stamp.captured_ns >= before_ns for portrait in album.portraits)
    assert [p.signal.stamp.captured_ns for p in album.portraits if p.signal] == [0, round(1e9 / 30)]


class Diary:
    """A witness that writes down which signals it was shown."""

    def __init__(self) -> None:
        self.indices: list[int] = []

    def see(self, signal: Signal) -> None:
        self.indices.append(signal.stamp.index)


class SlowArtist(FlatRenderer):
    """Draws a picture when it is let to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
        fading: Fading = (),
        marks: Array | None = None,
        hair: float = 0.0,
    ) -> Portrait:
        if signal is not None:
            assert self.goes_on.wait(PATIENCE_S)
        return super().draw(params, character, light, stamp=stamp, signal=signal, presence=presence, fading=fading)


class CountingSource(ScriptedSource):
    """Gives so many signals as fast as they are taken, then lets the artist go on, and ends."""

    def __init__(self, count: int, artist: SlowArtist) -> None:
        super().__init__("counting")
        self._most, self._artist = count, artist

    def read(self, timeout_s: float) -> Signal | None:
        self._count += 1
        if self._count > self._most:
            self._artist.goes_on.set()
            raise EndOfSource
        now = Stamp(self._count - 1, time.perf_counter_ns(), time.time_ns())
        return Signal(now, arkit.weights({"jawOpen": 1.0}))


def test_a_witness_is_shown_every_signal_also_those_that_nobody_had_time_to_draw() -> None:
    artist, diary = SlowArtist(), Diary()
    loop = LiveLoop(CountingSource(50, artist), artist, NOBODY, Actor(), studio_light(), [])
    loop.scene.admit(diary)
    report = loop.run()
    assert diary.indices == list(range(50))
    assert report.pictures < 50
