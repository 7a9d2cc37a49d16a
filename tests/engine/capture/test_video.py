"""A video as a source: paced, dropped, looped, offline, turned upright; and the files that are none."""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture import EndOfSource, SourceError, video
from omote.engine.capture.scripted import BrightnessTracker
from omote.engine.capture.video import VideoSource
from omote.engine.nouns import Signal

COUNT, FPS = 10, 10.0


class ManualClock:
    """Time that passes only when somebody sleeps or the test says so."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def write_film(path: Path, codec: str = "mp4v", width: int = 64, height: int = 48) -> Path:
    """Ten pictures, each brighter than the one before by 20 of 255."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, (width, height))
    assert writer.isOpened()
    for k in range(COUNT):
        writer.write(np.full((height, width, 3), 20 + 20 * k, np.uint8))
    writer.release()
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.mp4")


def source(
    path: Path, clock: ManualClock, fps: float | None = None, loop: bool = False, is_offline: bool = False
) -> VideoSource:
    return VideoSource(path, fps, loop, is_offline, open_tracker=BrightnessTracker, clock_ns=clock, sleep=clock.sleep)


def shown(signal: Signal | None) -> int:
    """Which picture of the film this is."""
    assert signal is not None
    return round((float(signal.weights[arkit.INDEX["jawOpen"]]) * 255 - 20) / 20)


def test_a_picture_is_captured_when_it_is_due(film: Path, clock: ManualClock) -> None:
    with source(film, clock) as video_source:
        signals = [video_source.read(1.0) for _ in range(3)]
        assert [shown(s) for s in signals] == [0, 1, 2]
        assert [s.stamp.captured_ns for s in signals if s] == [5_000_000_000, 5_100_000_000, 5_200_000_000]
        assert [s.stamp.index for s in signals if s] == [0, 1, 2]
        assert clock.now_ns == 5_200_000_000
        assert video_source.dropped == 0


def test_nothing_comes_before_its_time(film: Path, clock: ManualClock) -> None:
    with source(film, clock) as video_source:
        video_source.read(1.0)
        assert video_source.read(0.06) is None
        assert shown(video_source.read(0.06)) == 1


def test_pictures_that_come_too_late_are_dropped_and_counted(film: Path, clock: ManualClock) -> None:
    with source(film, clock) as video_source:
        video_source.read(1.0)
        clock.sleep(0.45)
        late = video_source.read(1.0)
        assert shown(late) == 4  # due at 0.4 s
        assert late is not None
        assert late.stamp.captured_ns == 5_400_000_000
        assert video_source.dropped == 3


def test_the_end_is_told_and_told_again(film: Path, clock: ManualClock) -> None:
    with source(film, clock) as video_source:
        for _ in range(COUNT):
            video_source.read(1.0)
        for _ in range(2):
            with pytest.raises(EndOfSource):
                video_source.read(1.0)


def test_a_loop_begins_again_without_a_pause(film: Path, clock: ManualClock) -> None:
    with source(film, clock, loop=True) as video_source:
        signals = [video_source.read(1.0) for _ in range(2 * COUNT + 1)]
    assert [shown(s) for s in signals] == [*range(COUNT), *range(COUNT), 0]
    assert [s.stamp.index for s in signals if s] == list(range(2 * COUNT + 1))
    times = [s.stamp.captured_ns for s in signals if s]
    assert set(np.diff(times)) == {100_000_000}


def test_another_rate_plays_it_at_that_rate(film: Path, clock: ManualClock) -> None:
    with source(film, clock, fps=25.0) as video_source:
        signals = [video_source.read(1.0) for _ in range(3)]
    assert [s.stamp.captured_ns - 5_000_000_000 for s in signals if s] == [0, 40_000_000, 80_000_000]


def test_offline_every_picture_comes_however_slow_the_reader(film: Path, clock: ManualClock) -> None:
    with source(film, clock, is_offline=True) as video_source:
        signals = []
        for _ in range(COUNT):
            signals.append(video_source.read(0.0))
            clock.sleep(3.0)
        assert video_source.dropped == 0
    assert [shown(s) for s in signals] == list(range(COUNT))
    assert set(np.diff([s.stamp.captured_ns for s in signals if s])) == {100_000_000}


def test_after_a_long_sleep_the_loop_goes_on_instead_of_racing(film: Path, clock: ManualClock) -> None:
    with source(film, clock, loop=True) as video_source:
        video_source.read(1.0)
        clock.sleep(3600.0)
        signal = video_source.read(1.0)
        assert signal is not None
        assert video_source.dropped <= FPS
        assert 0 <= clock.now_ns - signal.stamp.captured_ns < 1e9 / FPS


def test_a_film_cut_off_ends_where_it_is_cut_and_says_so(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_film(tmp_path / "film.avi", "MJPG", 640, 480)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    pictures = 0
    with caplog.at_level(logging.WARNING), source(film, clock) as video_source, pytest.raises(EndOfSource):
        while True:
            video_source.read(1.0)
            pictures += 1
    assert 0 < pictures < COUNT
    assert "it is cut off" in caplog.text


def test_a_film_stored_lying_is_turned_upright(film: Path) -> None:
    content = bytearray(film.read_bytes())
    header = content.index(b"tkhd") + 4
    matrix = header + 40  # of a version 0 header
    quarter = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    content[matrix : matrix + 36] = quarter
    film.write_bytes(bytes(content))
    file = video._opened(film)
    is_read, picture = file.read()
    assert is_read
    assert picture.shape == (64, 48, 3)


def test_files_that_are_no_video_are_refused_by_name(tmp_path: Path, clock: ManualClock) -> None:
    garbage, empty, sound = (tmp_path / name for name in ("garbage.mp4", "empty.mp4", "sound.mp4"))
    garbage.write_bytes(b"garbage" * 1000)
    empty.write_bytes(b"")
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    for path in (garbage, empty, sound):
        with pytest.raises(SourceError, match=rf"{path.name} .*cannot be opened as a video"), source(path, clock):
            pass
    with pytest.raises(SourceError, match="there is no file"), source(tmp_path / "absent.mp4", clock):
        pass


def test_a_refused_file_is_one_error_and_no_lines_of_ffmpeg_beside_it(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(b"garbage" * 1000)
    code = """if True:
        import sys
        from omote.engine.capture import SourceError, open_source
        try:
            open_source(sys.argv[1]).__enter__()
        except SourceError:
            sys.exit(7)
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(garbage)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (7, "")


def test_a_file_without_one_whole_picture_is_an_error_even_in_a_loop(film: Path, clock: ManualClock) -> None:
    content = bytearray(film.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    film.write_bytes(bytes(content))
    with pytest.raises(SourceError, match="damaged"), source(film, clock, loop=True) as video_source:
        video_source.read(1.0)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(SourceError, match="fps must be a positive number"):
        VideoSource(tmp_path / "film.mp4", fps)


def test_reading_before_opening_is_an_error(film: Path, clock: ManualClock) -> None:
    with pytest.raises(SourceError, match="use `with`"):
        source(film, clock).read(0.0)
