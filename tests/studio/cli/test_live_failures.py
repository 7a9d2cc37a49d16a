"""What goes wrong on an evening on air, in the whole loop: the stream goes on, and one line says what happened."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit, livelink
from omote.bridge.livelink import LiveLinkPacket
from omote.calibration.actor_file import actor_path
from omote.engine.capture.cameras import CameraFormat
from omote.engine.capture.datagrams import LOOPBACK, DatagramSource
from omote.engine.capture.phones import LiveLink
from omote.engine.capture.recorder import Recorder
from omote.engine.capture.source import EndOfSource, Picture, Source, SourceError
from omote.engine.capture.take import Take, TakeSource, read_take
from omote.engine.capture.webcam import WebcamSource
from omote.engine.data import Portrait, Signal, Stamp
from omote.engine.live.latency import LatencyMeter, SentPicture
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus
from omote.engine.live.session import LiveSession
from omote.engine.testing.capture import BrightnessTracker, ScriptedCamera, ScriptedPort, SmallDisk
from omote.engine.testing.drawing import FlatRenderer, painted_character
from omote.studio.app.performer import PerformerController
from tests.studio.commands import PORTS, error_line, short_take

PATIENCE_S = 30.0  # of a test on a slow machine; none of them waits so long
HOUR_NS = 3_600_000_000_000
JAW = arkit.INDEX["jawOpen"]
NOBODY = painted_character("nobody")


class Album:
    """An output that keeps the newest portrait, and tells the meter that it was sent."""

    name = "album"

    def __init__(self, meter: LatencyMeter | None = None, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self.count = 0
        self._newest: Portrait | None = None
        self._meter, self._clock_ns = meter, clock_ns
        self._came = threading.Condition()

    def offer(self, portrait: Portrait) -> None:
        if self._meter:
            self._meter.sent(portrait.stamp.index, self._clock_ns())
        with self._came:
            self._newest = portrait
            self.count += 1
            self._came.notify_all()

    def wait_until(self, is_such: Callable[[Portrait], bool]) -> None:
        """For a newest portrait that is such a one."""
        with self._came:
            assert self._came.wait_for(lambda: self._newest is not None and is_such(self._newest), PATIENCE_S)

    def wait_for_more(self, count: int) -> None:
        with self._came:
            wanted = self.count + count
            assert self._came.wait_for(lambda: self.count >= wanted, PATIENCE_S)


def shows(jaw: float) -> Callable[[Portrait], bool]:
    """Whether a portrait was made from a face whose jaw was so far open."""

    def is_such(portrait: Portrait) -> bool:
        signal = portrait.signal
        return signal is not None and signal.is_tracked and abs(float(signal.weights[JAW]) - jaw) < 0.01

    return is_such


def is_unplayed(portrait: Portrait) -> bool:
    return portrait.signal is None or not portrait.signal.is_tracked


def played(loop: LiveLoop, script: Callable[[], None]) -> None:
    """Runs the loop while the script plays beside it; what fails in one of them fails here."""
    outcome: Future[None] = Future()

    def run() -> None:
        try:
            script()
            outcome.set_result(None)
        except BaseException as error:
            outcome.set_exception(error)

    def on_status(_: LiveStatus) -> None:
        if outcome.done():
            raise EndOfSource

    threading.Thread(target=run, daemon=True).start()
    with pytest.raises(EndOfSource):
        loop.run(on_status=on_status)
    outcome.result()


def live(source: Source, album: Album) -> LiveLoop:
    return LiveLoop(source, LiveSession(FlatRenderer(), NOBODY, [album]))


def grey(value: int) -> Picture:
    return np.full((4, 4, 3), value, np.uint8)


class Cable:
    """A camera's port whose second camera is found when somebody has plugged it in."""

    def __init__(self) -> None:
        self.is_plugged = threading.Event()
        self._port = ScriptedPort([[grey(255)] * 3, [grey(102)] * 3])

    def open(self, index: int, format: CameraFormat) -> ScriptedCamera:
        if self._port.opened and not self.is_plugged.is_set():
            raise SourceError("no camera is there")
        return self._port.open(index, format)


def test_a_camera_that_is_unplugged_leaves_an_idle_portrait_and_performs_again_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cable, album = Cable(), Album()
    source = WebcamSource(0, open_capture=cable.open, open_tracker=BrightnessTracker, retry_s=0.001)

    def script() -> None:
        album.wait_until(shows(1.0))
        album.wait_until(is_unplayed)
        cable.is_plugged.set()
        album.wait_until(shows(0.4))

    with caplog.at_level(logging.WARNING):
        played(live(source, album), script)
    told = [record.message for record in caplog.records]
    assert told[:2] == ["webcam 0 is gone; trying again every 0 s", "webcam 0 is back"]


def test_a_phone_that_sleeps_leaves_an_idle_portrait_and_performs_again_when_it_wakes() -> None:
    source, album = DatagramSource(LiveLink(), (0,), LOOPBACK), Album()

    def sends(jaw: float, until: Callable[[Portrait], bool]) -> None:
        values = np.zeros(livelink.COUNT, np.float32)
        values[livelink.NAMES.index("JawOpen")] = jaw
        is_over = threading.Event()

        def send() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                while not is_over.wait(0.005):
                    phone.sendto(
                        livelink.encode(LiveLinkPacket("phone", "me", 1, 0.0, 60, 1, values)), (LOOPBACK, source.port)
                    )

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            album.wait_until(until)
        finally:
            is_over.set()
            thread.join()

    def script() -> None:
        end = time.monotonic() + PATIENCE_S
        while not source.port and time.monotonic() < end:
            time.sleep(0.001)
        sends(1.0, lambda portrait: shows(1.0)(portrait) and portrait.presence == 1.0)
        album.wait_until(lambda portrait: is_unplayed(portrait) and portrait.presence < 0.5)
        sends(0.4, lambda portrait: shows(0.4)(portrait) and portrait.presence == 1.0)

    played(live(source, album), script)


def performance(count: int, fps: float = 30.0) -> Take:
    return short_take(count, fps, jawOpen=np.linspace(0.0, 1.0, count))


def test_a_disk_that_is_full_ends_the_recording_and_not_the_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    album, source = Album(), TakeSource(performance(200), "take.csv", is_offline=True)
    loop = LiveLoop(source, LiveSession(FlatRenderer(), NOBODY, [album]), is_offline=True)
    with (
        caplog.at_level(logging.WARNING),
        Recorder(tmp_path / "a.csv", new_file=SmallDisk(20_000).new_file) as recorder,
    ):
        loop.session.add_listener(recorder.see)
        report = loop.run()
    assert report.pictures == 200
    assert [record.message for record in caplog.records] == [recorder.progress.error]
    assert "the disk is full" in recorder.progress.error
    assert 10 < recorder.progress.rows < 200
    np.testing.assert_allclose(
        read_take(tmp_path / "a.csv").weights, performance(200).weights[: recorder.progress.rows], atol=1e-6
    )


def test_a_udp_port_that_another_program_listens_on_is_named_with_the_cure(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        port = other.getsockname()[1]
        spec = f"livelink:{port}"
        line = error_line(capsys, "live", "--no-page", *PORTS, "--runtime", "openvino", "--source", spec)
    assert f"UDP port {port} is taken by another program" in line
    assert f"livelink:{port + 1}" in line


def test_a_damaged_character_is_an_error_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "me.omote").write_bytes(b"\x00" * 500)
    line = error_line(capsys, "live", "--no-page", *PORTS, "--character", str(tmp_path / "me.omote"))
    assert "me.omote is no character file or damaged" in line


def test_an_actor_whose_file_is_damaged_leaves_the_performer_uncalibrated_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path))
    path = actor_path("me", "take.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x00" * 100)
    album = Album()
    source = TakeSource(performance(5), "take.csv", is_offline=True)
    loop = LiveLoop(source, LiveSession(FlatRenderer(), NOBODY, [album]), is_offline=True)
    performer = PerformerController("me")
    with caplog.at_level(logging.WARNING):
        performer.bind(loop)
    assert performer.notice
    assert [record.message for record in caplog.records] == [performer.notice]
    assert loop.run().pictures == 5


class JumpingClock:
    """This machine's clock, and how far ahead of it we pretend to be."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def __call__(self) -> int:
        return time.perf_counter_ns() + self.ahead_ns


class Ages:
    """Keeps how old pictures were when they were sent."""

    def __init__(self) -> None:
        self.ms: list[float] = []

    def __call__(self, sent: SentPicture) -> None:
        self.ms.append(sent.age_ms)


@pytest.mark.parametrize("jumps_ns", [HOUR_NS, 30 * HOUR_NS])
def test_a_machine_that_slept_goes_on_at_once(tmp_path: Path, jumps_ns: int) -> None:
    clock, ages = JumpingClock(), Ages()
    meter = LatencyMeter(on_sent=ages)
    album = Album(meter, clock)
    source = TakeSource(performance(60, 100.0), "take.csv", loop=True, clock=clock)
    loop = LiveLoop(source, LiveSession(FlatRenderer(), NOBODY, [album], meter=meter, clock_ns=clock))

    def script() -> None:
        album.wait_for_more(30)
        clock.ahead_ns = jumps_ns
        album.wait_for_more(200)
        album.wait_until(lambda portrait: portrait.presence == 1.0)

    with Recorder(tmp_path / "a.csv") as recorder:
        loop.session.add_listener(recorder.see)
        played(loop, script)
    too_old = [ms for ms in ages.ms if ms > 60_000.0]
    assert len(too_old) <= 3  # what was on its way: captured, waiting, drawn
    assert loop.source.dropped < 10_000
    assert meter.latency(100).total is not None
    assert recorder.progress.error == ""
    assert (np.diff(read_take(tmp_path / "a.csv").time_s) >= 0.0).all()


def test_a_wall_clock_that_is_set_back_does_not_send_a_recording_back(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.csv") as recorder:
        for k in range(60):
            wall_ns = 1_750_000_000_000_000_000 + k * 33_333_333 - (7200 * 10**9 if k >= 30 else 0)
            stamp = Stamp(k, k * 33_333_333, wall_ns)
            recorder.see(Signal(stamp, np.zeros(arkit.COUNT, np.float32)))
    take = read_take(tmp_path / "a.csv")
    np.testing.assert_allclose(np.diff(take.time_s), 0.0333333, atol=4e-5)
