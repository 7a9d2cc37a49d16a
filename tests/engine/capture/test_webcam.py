"""A webcam as a source, on scripted cameras: the newest picture, unplugged, plugged in again, closed in time."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

import cv2
import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.cameras import CameraFormat, native_backend
from omote.engine.capture.source import CameraView, Picture, SourceError, TrackedPicture
from omote.engine.capture.webcam import WebcamSource, open_camera, still_picture
from omote.engine.data import Signal, Stamp
from omote.engine.testing.capture import BrightnessTracker, ScriptedCamera, ScriptedPort

JAW = arkit.INDEX["jawOpen"]
PATIENCE_S = 30.0  # of a test on a slow machine; none of them waits so long


def grey(value: int) -> Picture:
    return np.full((4, 4, 3), value, np.uint8)


def webcam(port: ScriptedPort, clock_ns: Callable[[], int] = time.perf_counter_ns) -> WebcamSource:
    return WebcamSource(0, open_capture=port.open, open_tracker=BrightnessTracker, clock_ns=clock_ns, retry_s=0.001)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


def read_until(source: WebcamSource, is_wanted: Callable[[Signal], bool]) -> Signal:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        signal = source.read(0.05)
        if signal is not None and is_wanted(signal):
            return signal
    raise AssertionError("no such signal came")


def test_the_newest_picture_is_read_and_the_older_ones_are_counted() -> None:
    port = ScriptedPort([[grey(51), grey(102), grey(255)]])
    with webcam(port) as source:
        until(lambda: port.released == 1)  # all three have been taken from the camera
        signal = source.read(1.0)
        assert signal is not None
        assert signal.weights[JAW] == pytest.approx(1.0)
        assert signal.stamp.index == 0
        assert source.dropped == 2


def test_a_picture_says_how_long_it_waited_to_be_tracked() -> None:
    with webcam(ScriptedPort([[grey(51)]])) as source:
        stamp = read_until(source, lambda signal: signal.is_tracked).stamp
        assert [name for name, _ in stamp.finished] == ["capture"]
        assert stamp.captured_ns <= stamp.finished[0][1] <= time.perf_counter_ns()


def test_a_picture_without_a_face_is_a_signal_of_confidence_zero() -> None:
    with webcam(ScriptedPort([[grey(0)]])) as source:
        signal = source.read(PATIENCE_S)
        assert signal is not None
        assert not signal.is_tracked


def test_a_camera_that_goes_away_is_first_silence_and_then_no_face() -> None:
    now = [1_000_000_000]
    port = ScriptedPort([[grey(255)]])
    with webcam(port, clock_ns=lambda: now[0]) as source:
        first = source.read(PATIENCE_S)
        assert first is not None
        assert source.read(0.0) is None
        now[0] += 600_000_000
        lost = source.read(0.0)
        assert lost is not None
        assert not lost.is_tracked
        assert lost.stamp.index == first.stamp.index + 1
        assert lost.stamp.captured_ns == now[0]
        began_s = time.monotonic()
        assert source.read(PATIENCE_S) is not None  # It comes after the time of a picture, not of a wait.
        assert time.monotonic() - began_s < PATIENCE_S / 2


def test_a_camera_plugged_in_again_is_found_and_its_absence_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    port = ScriptedPort([[grey(51)], None, None, None, [grey(255)]])
    with caplog.at_level(logging.WARNING), webcam(port) as source:
        read_until(source, lambda signal: signal.weights[JAW] == pytest.approx(1.0))
        until(lambda: port.released == 2)
    assert port.opened == 2
    before_it_was_back = caplog.text.partition("is back")[0]
    assert before_it_was_back.count("is gone") == 1


def test_a_camera_that_opens_but_gives_nothing_is_not_back(caplog: pytest.LogCaptureFixture) -> None:
    port = ScriptedPort([[grey(51)], [], [], [grey(255)]])
    with caplog.at_level(logging.WARNING), webcam(port) as source:
        read_until(source, lambda signal: signal.weights[JAW] == pytest.approx(1.0))
        until(lambda: port.released == 4)
    lines = [record.message.partition(";")[0] for record in caplog.records]
    assert lines == ["webcam 0 is gone", "webcam 0 is back", "webcam 0 is gone"]


def test_half_a_picture_of_a_cable_that_was_pulled_is_survived() -> None:
    class Torn(ScriptedCamera):
        def read(self) -> tuple[bool, Picture | None]:
            cv2.imdecode(np.zeros(0, np.uint8), cv2.IMREAD_COLOR)  # a JPEG without a byte
            raise AssertionError("OpenCV takes no bytes for a picture")

    port = ScriptedPort([[grey(255)]])
    cameras = iter([Torn(port, [])])
    source = WebcamSource(
        0,
        open_capture=lambda index, fps: next(cameras, None) or port.open(index, fps),
        open_tracker=BrightnessTracker,
        retry_s=0.001,
    )
    with source:
        read_until(source, lambda signal: signal.weights[JAW] == pytest.approx(1.0))


def test_a_camera_that_cannot_be_opened_is_an_error_at_once() -> None:
    with pytest.raises(SourceError, match="not plugged in"), webcam(ScriptedPort([None])):
        pass


def test_the_real_camera_that_is_not_there_says_what_was_tried(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"camera 87 cannot be opened \(tried \w+, then .*the demo, which needs none"):
        open_camera(87, CameraFormat())
    assert capfd.readouterr().err == ""


def test_a_tracker_that_cannot_start_leaves_the_camera_closed() -> None:
    def no_tracker() -> BrightnessTracker:
        raise SourceError("no model")

    port = ScriptedPort([[grey(255)]])
    with pytest.raises(SourceError, match="no model"):
        WebcamSource(0, open_capture=port.open, open_tracker=no_tracker).__enter__()
    assert port.released == 1


def test_a_driver_that_hangs_does_not_keep_the_program_from_ending() -> None:
    class HangingCamera:
        def __init__(self) -> None:
            self.is_plugged_out = threading.Event()

        def read(self) -> tuple[bool, Picture | None]:
            self.is_plugged_out.wait(PATIENCE_S)
            return False, None

        def release(self) -> None:
            pass

    camera = HangingCamera()
    source = WebcamSource(0, open_capture=lambda index, fps: camera, open_tracker=BrightnessTracker)
    with source:
        assert source.read(0.01) is None
    assert not camera.is_plugged_out.is_set()  # `with` has ended although the driver still hangs.
    camera.is_plugged_out.set()


class CentreTracker:
    """Finds one point in the middle of each picture."""

    def __init__(self) -> None:
        self.tracked_picture: TrackedPicture | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        height, width = picture.shape[:2]
        self.tracked_picture = TrackedPicture(
            picture, np.array([[width / 2, height / 2]], np.float32), stamp.captured_ns, 1.0
        )
        return Signal(stamp, np.zeros(52, np.float32))


def test_a_webcam_shows_the_picture_itself_and_the_points_of_the_face() -> None:
    picture = np.full((48, 64, 3), 10, np.uint8)
    source = WebcamSource(0, open_capture=ScriptedPort([[picture]]).open, open_tracker=CentreTracker)
    assert isinstance(source, CameraView)
    assert source.tracked_picture is None
    with source:
        signal = source.read(PATIENCE_S)
        tracked = source.tracked_picture
    assert signal is not None
    assert tracked is not None
    assert tracked.picture is picture  # neither copied nor encoded
    assert tracked.captured_ns == signal.stamp.captured_ns
    assert tracked.points.tolist() == [[32.0, 24.0]]


def test_nothing_is_opened_before_with() -> None:
    port = ScriptedPort([[grey(255)]])
    source = webcam(port)
    assert port.opened == 0
    with pytest.raises(SourceError, match="use `with`"):
        source.read(0.0)


def test_a_camera_that_plays_is_opened_again_with_another_format() -> None:
    port = ScriptedPort([[grey(51)] * 1_000_000, [grey(255)]])
    wide = CameraFormat(1280, 720, 60.0)
    with webcam(port) as source:
        read_until(source, lambda signal: signal.weights[JAW] == pytest.approx(0.2))
        source.use_format(wide)
        read_until(source, lambda signal: signal.weights[JAW] == pytest.approx(1.0))
        assert port.formats == [CameraFormat(), wide]
        assert port.released >= 1


def test_the_tracker_reads_the_mouth_while_it_is_asked_to() -> None:
    class ToldTracker(BrightnessTracker):
        reads_mouth = False

    port, tracker = ScriptedPort([[grey(51)] * 1_000_000] * 2), ToldTracker()
    with WebcamSource(0, open_capture=port.open, open_tracker=lambda: tracker, retry_s=0.001) as source:
        read_until(source, lambda signal: not tracker.reads_mouth)
        source.use_format(CameraFormat(reads_mouth=True))
        read_until(source, lambda signal: tracker.reads_mouth)


def test_a_still_picture_comes_after_the_exposure_was_found_and_the_camera_is_free_again() -> None:
    port = ScriptedPort([[grey(k) for k in range(20)], []])
    picture = still_picture(0, port.open)
    assert 5 <= picture[0, 0, 0] <= 10
    assert port.released == 1
    with pytest.raises(SourceError, match="gives no picture"):
        still_picture(0, port.open)


@pytest.mark.parametrize(
    ("platform", "backend"),
    [
        ("linux", ("V4L2", cv2.CAP_V4L2)),
        ("win32", ("DirectShow", cv2.CAP_DSHOW)),
        ("darwin", ("AVFoundation", cv2.CAP_AVFOUNDATION)),
    ],
)
def test_each_system_has_its_own_backend(
    platform: str, backend: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert native_backend() == backend
