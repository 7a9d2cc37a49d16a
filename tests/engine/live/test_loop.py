"""The loop, driven by takes and by sources that do one thing wrong."""

from __future__ import annotations

import sys
import threading
import time
from typing import Self

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.source import EndOfSource, Source, SourceError
from omote.engine.capture.take import Take, TakeSource
from omote.engine.data import AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus
from omote.engine.live.session import LiveSession
from omote.engine.model.animator import Animator
from omote.engine.model.portrait_renderer import FACE_ALONE, DrawOptions
from omote.engine.model.renderer import Renderer
from omote.engine.runtime.session import Feeds, Outputs
from omote.engine.testing.drawing import CopyingNetworks, CopyingSession, FlatRenderer, painted_character
from omote.engine.testing.live import TIMEOUT_S, CollectingOutput, ScriptedSource, running

MIKA = painted_character("mika")


def jaw_take(length: int, lost: tuple[int, ...] = ()) -> Take:
    """A jaw that opens evenly, without a face in the `lost` pictures."""
    weights = np.zeros((length, arkit.COUNT), np.float32)
    weights[:, arkit.INDEX["jawOpen"]] = np.linspace(0.0, 1.0, length)
    confidence = np.ones(length, np.float32)
    confidence[list(lost)] = 0.0
    still, gaze = np.zeros((length, 3), np.float32), np.zeros((length, 2, 2), np.float32)
    return Take(30.0, np.arange(length) / 30.0, weights, still, still, gaze, confidence)


def offline(length: int, lost: tuple[int, ...] = ()) -> TakeSource:
    return TakeSource(jaw_take(length, lost), "take.csv", is_offline=True)


class SlowlyOpeningSource(ScriptedSource):
    """Opens when the test allows it."""

    def __init__(self) -> None:
        super().__init__("late")
        self.is_opening, self.may_open = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self.is_opening.set()
        assert self.may_open.wait(TIMEOUT_S)
        return self


class FailingRenderer(FlatRenderer):
    """Fails at each picture that is drawn from a signal."""

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        if options.signal is not None:
            raise RuntimeError("out of memory")
        return super().draw(params, character, light, options)


def loop_of(
    source: Source, output: CollectingOutput, *, is_offline: bool = False, meter: LatencyMeter | None = None
) -> LiveLoop:
    return LiveLoop(source, LiveSession(FlatRenderer(), MIKA, [output], meter=meter), is_offline=is_offline)


def test_offline_every_picture_of_a_file_is_drawn_once_and_in_order() -> None:
    output = CollectingOutput()
    report = loop_of(offline(200), output, is_offline=True).run()
    assert output.indices == list(range(200))
    assert (report.pictures, report.dropped, report.tracked_fraction) == (200, 0, 1.0)


def test_offline_a_file_is_drawn_the_same_every_time() -> None:
    first, second = CollectingOutput(), CollectingOutput()
    for output in (first, second):
        loop_of(offline(120, lost=tuple(range(30, 110))), output, is_offline=True).run()
    for one, other in zip(first.portraits, second.portraits, strict=True):
        np.testing.assert_array_equal(one.rgba, other.rgba)
        assert one.presence == other.presence
    assert min(portrait.presence for portrait in first.portraits) == 0.0


def test_a_file_that_ends_ends_the_loop_in_real_time_too() -> None:
    output = CollectingOutput()
    source = TakeSource(jaw_take(5), "take.csv", fps=100.0)
    report = loop_of(source, output).run()
    signals = [portrait.signal for portrait in output.portraits if portrait.signal]
    assert len(signals) + report.dropped == 5
    assert signals[-1].stamp.index == 4


def test_a_portrait_carries_its_signal_and_the_time_of_every_stage() -> None:
    output = CollectingOutput()
    before_ns = time.perf_counter_ns()
    loop_of(offline(3), output, is_offline=True).run()
    portrait = output.portraits[-1]
    assert portrait.signal is not None
    assert portrait.signal.weights[arkit.INDEX["jawOpen"]] == 1.0
    assert [name for name, _ in portrait.stamp.finished] == ["track", "wait", "pose", "draw"]
    # A file's picture counts as captured when it was requested; its signal keeps the file's time.
    times = [before_ns, portrait.stamp.captured_ns, *(at_ns for _, at_ns in portrait.stamp.finished)]
    assert times == sorted(times)
    assert [p.signal.stamp.captured_ns for p in output.portraits if p.signal][:2] == [0, round(1e9 / 30)]


def test_the_report_has_latency_stages_and_what_ran() -> None:
    meter = LatencyMeter()
    report = loop_of(offline(40, lost=(0, 1, 2, 3)), CollectingOutput(meter), is_offline=True, meter=meter).run()
    assert report.latency.total is not None
    assert [name for name, _ in report.latency.stages] == ["track", "wait", "pose", "draw", "send"]
    assert report.tracked_fraction == 0.9
    assert (report.size, report.steps, report.runtime) == (8, 1, "flat")
    assert (report.source, report.character) == ("take.csv", "mika")
    assert report.seconds > 0.0
    assert report.warm_up_s > 0.0


def test_seconds_end_a_loop_that_would_not_end() -> None:
    source = ScriptedSource("endless")
    report = loop_of(source, CollectingOutput()).run(seconds=0.05)
    assert report.seconds >= 0.05
    assert source.is_closed.wait(TIMEOUT_S)


def test_the_status_comes_once_a_second() -> None:
    statuses: list[LiveStatus] = []
    source = ScriptedSource()

    def on_status(status: LiveStatus) -> None:
        statuses.append(status)
        source.then = EndOfSource()

    loop_of(source, CollectingOutput()).run(on_status=on_status)
    assert (statuses[0].source, statuses[0].tracked_fraction) == ("phone", 1.0)


# What fails.


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (ScriptedSource(then=SourceError("unplugged")), "unplugged"),
        (ScriptedSource(on_open=SourceError("in use")), "in use"),
    ],
)
def test_an_error_in_the_source_ends_the_loop_with_that_error(source: ScriptedSource, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        loop_of(source, CollectingOutput()).run()


def test_offline_an_error_in_the_renderer_ends_the_loop_with_that_error() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        LiveLoop(offline(5), LiveSession(FailingRenderer(), MIKA), is_offline=True).run()


def test_one_picture_that_fails_does_not_end_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    output, source = CollectingOutput(), ScriptedSource()
    loop = LiveLoop(source, LiveSession(FailingRenderer(), MIKA, [output]))
    with running(loop, source, output):
        output.wait_for(5)  # of the idle portrait, after the one signal that cannot be drawn
    assert loop.report().failed == 1
    assert "out of memory" in caplog.text


def test_a_stream_ends_if_no_picture_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omote.engine.live.loop.MOST_FAILURES", 3)
    loop = LiveLoop(ScriptedSource(repeats=True), LiveSession(FailingRenderer(), MIKA))
    with pytest.raises(RuntimeError, match="out of memory"):
        loop.run(seconds=TIMEOUT_S)
    assert loop.report().failed == 2


# A source that falls silent, or is changed.


def test_a_source_that_falls_silent_leaves_a_portrait_that_eases_to_rest() -> None:
    output, source = CollectingOutput(), ScriptedSource()
    with running(loop_of(source, output), source, output):
        output.wait_for(10)
    assert all(portrait.signal is None for portrait in output.portraits[1:])
    assert output.indices == list(range(len(output.portraits)))
    presences = [portrait.presence for portrait in output.portraits]
    assert presences == sorted(presences, reverse=True)
    assert presences[-1] < presences[0] == 1.0


def test_the_source_can_be_changed_while_the_loop_runs() -> None:
    output, before, after = CollectingOutput(), ScriptedSource("before"), ScriptedSource("after")
    loop = loop_of(before, output)
    with running(loop, after, output):
        loop.change_source(after)
        assert before.is_closed.wait(TIMEOUT_S)
    assert loop.report().source == "after"
    assert output.indices == sorted(set(output.indices))


def test_a_source_that_does_not_open_leaves_the_one_that_plays() -> None:
    output, source = CollectingOutput(), ScriptedSource("playing")
    loop = loop_of(source, output)
    with running(loop, source, output) as thread:
        with pytest.raises(SourceError, match="no camera"):
            loop.change_source(ScriptedSource("camera", on_open=SourceError("no camera")))
        assert thread.is_alive()
        assert not source.is_closed.is_set()
    assert loop.report().source == "playing"


def test_a_source_that_opens_while_the_loop_ends_is_closed_again() -> None:
    output, before, late = CollectingOutput(), ScriptedSource("before"), SlowlyOpeningSource()
    loop = loop_of(before, output)
    errors: list[SourceError] = []

    def change() -> None:
        try:
            loop.change_source(late)
        except SourceError as error:
            errors.append(error)

    with running(loop, before, output):
        changer = threading.Thread(target=change, daemon=True)
        changer.start()
        assert late.is_opening.wait(TIMEOUT_S)
    late.may_open.set()
    changer.join(TIMEOUT_S)
    assert late.is_closed.wait(TIMEOUT_S)
    assert "the loop has ended" in str(errors[0])


def test_the_source_is_changed_neither_before_the_loop_begins_nor_after_it_has_ended() -> None:
    loop, late = loop_of(offline(3), CollectingOutput()), SlowlyOpeningSource()
    with pytest.raises(SourceError, match="first picture"):
        loop.change_source(late)
    loop.run()
    with pytest.raises(SourceError, match="the loop has ended"):
        loop.change_source(late)
    assert not late.is_opening.is_set()


@pytest.mark.parametrize("repeats", [True, False], ids=["a performer", "the idle portrait"])
def test_pictures_come_no_faster_than_the_rate_allows(repeats: bool) -> None:
    output, source = CollectingOutput(), ScriptedSource(repeats=repeats)
    loop = loop_of(source, output)
    loop.rate.limit(25.0)
    with running(loop, source, output):
        output.wait_for(8)
    portraits = [portrait for portrait in output.portraits if (portrait.signal is not None) is repeats]
    started_ns = [dict(one.stamp.finished).get("wait", one.stamp.captured_ns) for one in portraits]
    # A late picture is followed up to half a period sooner, so that the mean rate is kept.
    assert all(at_ns - started_ns[0] >= (count - 0.5) * 40_000_000 for count, at_ns in enumerate(started_ns))


class SlowRenderer(FlatRenderer):
    """Draws from a signal only after `goes_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        if options.signal is not None:
            assert self.goes_on.wait(TIMEOUT_S)
        return super().draw(params, character, light, options)


class CountingSource(ScriptedSource):
    """Gives so many signals as fast as they are taken, then lets the renderer go on, and ends."""

    def __init__(self, count: int, renderer: SlowRenderer) -> None:
        super().__init__("counting")
        self._most, self._renderer = count, renderer

    def read(self, timeout_s: float) -> Signal | None:
        self._count += 1
        if self._count > self._most:
            self._renderer.goes_on.set()
            raise EndOfSource
        return Signal(Stamp.now(self._count - 1), arkit.weights({"jawOpen": 1.0}))


def test_a_listener_gets_every_signal_also_those_that_are_never_drawn() -> None:
    renderer, indices = SlowRenderer(), list[int]()
    loop = LiveLoop(CountingSource(50, renderer), LiveSession(renderer, MIKA))
    loop.session.add_listener(lambda signal: indices.append(signal.stamp.index))
    report = loop.run()
    assert indices == list(range(50))
    assert report.pictures < 50


class TracingSession(CopyingSession):
    """Notes which functions of ours are on the stack."""

    def __init__(self) -> None:
        super().__init__()
        self.functions: list[str] = []

    def run(self, feeds: Feeds) -> Outputs:
        self.functions, frame = [], sys._getframe(1)
        while frame is not None:
            if str(frame.f_globals["__name__"]).startswith("omote."):
                self.functions.append(frame.f_code.co_qualname)
            frame = frame.f_back  # type: ignore[assignment]
        return super().run(feeds)


def test_a_picture_passes_six_functions_from_the_loop_to_the_network() -> None:
    networks = CopyingNetworks()
    networks.session = tracing = TracingSession()
    session = LiveSession(Animator(256, renderer=Renderer(networks)), MIKA)
    LiveLoop(offline(3), session, is_offline=True).run()
    assert tracing.functions == [
        "Networks.layers",
        "Renderer._layers",
        "Renderer.draw",
        "Animator.draw",
        "LiveSession.draw",
        "LiveLoop._draw",
    ]
