"""A video file as a source: paced, dropped, looped, offline, upright; what it tracks, and the files that are none."""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.source import WHOLE_RECORDING, EndOfSource, Playback, SourceError
from omote.engine.capture.video import PacedVideo, VideoFrame, VideoSource, open_video
from omote.engine.data import Signal
from omote.engine.testing.capture import BrightnessTracker
from omote.engine.testing.clock import ManualClock

COUNT, FPS = 10, 10.0
PATIENCE_S = 20.0
START_NS = ManualClock().now_ns
UNEVEN_MS = (0, 100, 200, 300, 400, 500, 700, 900, 1100, 1300)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def playing(
    path: Path,
    clock: ManualClock,
    fps: float | None = None,
    loop: bool = False,
    is_offline: bool = False,
    playback: Playback = WHOLE_RECORDING,
) -> PacedVideo:
    return PacedVideo(path, fps, loop, is_offline, clock, clock.sleep, playback)


def shown(frame: VideoFrame | None) -> int:
    """The number of the picture in the file."""
    assert frame is not None
    return round((float(frame.picture.mean()) - 20) / 20)


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    """Ten pictures as those of `film`, the first five 0.1 seconds apart and all others 0.2."""
    av = pytest.importorskip("av")
    path = tmp_path / "uneven.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k, at_ms in enumerate(UNEVEN_MS):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 + 20 * k, np.uint8), "rgb24")
            picture.pts, picture.time_base = at_ms, Fraction(1, 1000)
            file.mux(stream.encode(picture))
        file.mux(stream.encode())
    return path


def ms(frames: list[VideoFrame | None]) -> list[int]:
    """The capture times since the start of the clock."""
    return [(frame.stamp.captured_ns - START_NS) // 1_000_000 for frame in frames if frame]


TWICE = (*range(COUNT), *range(COUNT), 0)
EVERY = tuple(range(COUNT))


@pytest.mark.parametrize(
    ("name", "fps", "loop", "is_offline", "playback", "pictures", "times_ms"),
    [
        ("film", None, False, False, WHOLE_RECORDING, EVERY, range(0, 1000, 100)),
        ("film", None, False, True, WHOLE_RECORDING, EVERY, range(0, 1000, 100)),
        ("film", 25.0, False, False, WHOLE_RECORDING, (0, 1, 2), (0, 40, 80)),
        ("film", None, True, False, WHOLE_RECORDING, TWICE, range(0, 2001, 100)),
        ("film", None, False, False, Playback(speed=0.5), (0, 1, 2), (0, 200, 400)),
        ("film", None, False, False, Playback(start_s=0.25, end_s=0.6), (3, 4, 5), (0, 100, 200)),
        ("film", None, False, True, Playback(start_s=0.25, end_s=0.6), (3, 4, 5), (0, 100, 200)),
        ("film", None, True, True, Playback(start_s=0.7, end_s=0.9), (7, 8, 7, 8, 7), range(0, 401, 100)),
        ("uneven", None, False, True, Playback(speed=2.0), EVERY, [at_ms // 2 for at_ms in UNEVEN_MS]),
        ("uneven", None, True, True, Playback(start_s=0.5, end_s=1.1), (5, 6, 7, 5, 6), range(0, 801, 200)),
    ],
)
def test_each_picture_is_captured_when_it_is_due(
    name: str,
    fps: float | None,
    loop: bool,
    is_offline: bool,
    playback: Playback,
    pictures: Sequence[int],
    times_ms: Sequence[int],
    clock: ManualClock,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with playing(request.getfixturevalue(name), clock, fps, loop, is_offline, playback) as video:
        frames = [video.read(1.0) for _ in pictures]
        is_at_end = not loop and (playback.end_s is not None or len(pictures) == COUNT)
        for _ in range(2 if is_at_end else 0):
            with pytest.raises(EndOfSource):
                video.read(1.0)
        assert video.first_s == pytest.approx(pictures[0] / FPS)
        assert video.dropped == 0
    assert [shown(frame) for frame in frames] == list(pictures)
    assert [frame.stamp.index for frame in frames if frame] == list(range(len(pictures)))
    assert ms(frames) == list(times_ms)
    assert not caplog.records  # Nothing is cut off.


def test_nothing_comes_before_its_time(film: Path, clock: ManualClock) -> None:
    with playing(film, clock) as video:
        video.read(1.0)
        assert video.read(0.06) is None
        assert shown(video.read(0.06)) == 1


def test_pictures_that_come_too_late_are_dropped_and_counted(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, fps=100.0) as video:
        video.read(1.0)
        clock.sleep(0.045)
        late = video.read(1.0)
        assert (shown(late), ms([late]), video.dropped) == (4, [40], 3)


@pytest.mark.parametrize(("end_s", "last"), [(None, COUNT - 1), (0.5, 4)])
def test_the_last_picture_is_shown_however_late(film: Path, clock: ManualClock, end_s: float | None, last: int) -> None:
    with playing(film, clock, fps=100.0, playback=Playback(end_s=end_s)) as video:
        video.read(1.0)
        clock.sleep(3600.0)
        assert (shown(video.read(1.0)), video.dropped) == (last, last - 1)
        with pytest.raises(EndOfSource):
            video.read(1.0)


def test_offline_no_picture_is_dropped_however_slow_the_reader(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, is_offline=True) as video:
        for picture in range(COUNT):
            assert shown(video.read(0.0)) == picture
            clock.sleep(3.0)
        assert video.dropped == 0


@pytest.mark.parametrize(("fps", "late_s", "reads", "dropped"), [(1000.0, 0.3, 20, None), (FPS, 3600.0, 1, 1)])
def test_a_slow_or_sleeping_machine_shows_no_old_picture(
    film: Path, clock: ManualClock, fps: float, late_s: float, reads: int, dropped: int | None
) -> None:
    with playing(film, clock, fps=fps, loop=True) as video:
        video.read(1.0)
        for _ in range(reads):
            clock.sleep(late_s)
            frame = video.read(1.0)
            assert frame is not None
            assert 0 <= clock.now_ns - frame.stamp.captured_ns < 1e9 / fps
        assert dropped in (None, video.dropped)


def test_a_part_without_a_picture_is_refused(film: Path, clock: ManualClock) -> None:
    with (
        playing(film, clock, playback=Playback(start_s=5.0)) as video,
        pytest.raises(SourceError, match=r"no picture of film.\w+ lies from 5 s to the end"),
    ):
        video.read(1.0)
    with pytest.raises(SourceError, match=r"no picture of film.\w+ lies from 0.31 s to 0.39 s"):
        playing(film, clock, playback=Playback(start_s=0.31, end_s=0.39)).__enter__()


# Damaged and unusual files.


def test_a_film_cut_off_ends_where_it_is_cut_and_says_so(
    write_film: Callable[..., Path], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_film("film.avi", "MJPG", 640, 480)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    pictures = 0
    with caplog.at_level(logging.WARNING), playing(film, clock) as video, pytest.raises(EndOfSource):
        while True:
            video.read(1.0)
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
    file = open_video(film)
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
        with pytest.raises(SourceError, match=rf"{path.name} .*cannot be opened as a video"), playing(path, clock):
            pass
    with pytest.raises(SourceError, match="there is no file"), playing(tmp_path / "absent.mp4", clock):
        pass


@pytest.fixture
def damaged(film: Path) -> Path:
    """A film without one whole picture."""
    content = bytearray(film.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    film.write_bytes(bytes(content))
    return film


def test_a_file_without_one_whole_picture_is_an_error_even_in_a_loop(damaged: Path, clock: ManualClock) -> None:
    with pytest.raises(SourceError, match="damaged"), playing(damaged, clock, loop=True) as video:
        video.read(1.0)
    with pytest.raises(SourceError, match="damaged"), tracking(damaged, loop=True) as source:
        source.read(PATIENCE_S)


# With a tracker.


def tracking(path: Path, fps: float | None = None, loop: bool = False, is_offline: bool = False) -> VideoSource:
    return VideoSource(path, fps, loop, is_offline, open_tracker=BrightnessTracker)


def tracked(signal: Signal) -> int:
    """The number of the tracked picture."""
    return round((float(signal.weights[arkit.INDEX["jawOpen"]]) * 255 - 20) / 20)


def to_the_end(video_source: VideoSource) -> list[Signal]:
    signals = []
    try:
        while True:
            signal = video_source.read(PATIENCE_S)
            if signal:
                signals.append(signal)
    except EndOfSource:
        return signals


def test_in_real_time_every_picture_is_tracked_or_counted_as_dropped(film: Path) -> None:
    with tracking(film, fps=200.0) as video_source:
        signals = to_the_end(video_source)
        assert len(signals) + video_source.dropped == COUNT
    pictures = [tracked(signal) for signal in signals]
    assert pictures == sorted(set(pictures))
    assert pictures == [signal.stamp.index for signal in signals]
    assert pictures[-1] == COUNT - 1


def test_offline_every_picture_is_tracked(film: Path) -> None:
    with tracking(film, is_offline=True) as video_source:
        assert [tracked(signal) for signal in to_the_end(video_source)] == list(range(COUNT))
        assert video_source.dropped == 0


def test_a_film_begins_when_it_is_first_read_and_not_when_it_is_opened(film: Path) -> None:
    with tracking(film, fps=200.0) as video_source:
        before_ns = time.perf_counter_ns()
        first = to_the_end(video_source)[0]
    assert first.stamp.captured_ns - first.stamp.index * 5_000_000 >= before_ns


def test_a_picture_says_how_long_it_waited_to_be_tracked(film: Path) -> None:
    with tracking(film, fps=200.0) as video_source:
        stamp = to_the_end(video_source)[0].stamp
    assert [name for name, _ in stamp.finished] == ["capture"]
    assert stamp.finished[0][1] >= stamp.captured_ns


def test_the_end_is_raised_again_and_again_in_real_time(film: Path) -> None:
    with tracking(film, fps=200.0) as video_source:
        to_the_end(video_source)
        for _ in range(2):
            with pytest.raises(EndOfSource):
                video_source.read(PATIENCE_S)


def test_a_film_that_is_closed_before_its_end_is_decoded_no_longer(film: Path) -> None:
    with tracking(film, fps=200.0, loop=True) as video_source:
        while video_source.read(PATIENCE_S) is None:
            pass
    assert not [thread for thread in threading.enumerate() if thread.name == "decode film.mp4"]


def test_a_refused_file_is_one_error_and_no_lines_of_ffmpeg_beside_it(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(b"garbage" * 1000)
    code = """if True:
        import sys
        from omote.engine.capture.source import SourceError
        from omote.engine.capture.sources import open_source
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


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(SourceError, match="fps must be a positive number"):
        VideoSource(tmp_path / "film.mp4", fps)


def test_reading_before_opening_is_an_error(film: Path) -> None:
    with pytest.raises(SourceError, match="use `with`"):
        tracking(film).read(0.0)
