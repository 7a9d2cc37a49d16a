"""A video file as a camera: paced, dropped, looped, offline, turned upright; and the files that are none."""

from __future__ import annotations

import logging
import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.engine.capture.source import WHOLE_RECORDING, EndOfSource, Playback, SourceError
from omote.engine.capture.video import PacedVideo, VideoFrame, open_video

COUNT, FPS = 10, 10.0
UNEVEN_MS = (0, 100, 200, 300, 400, 500, 700, 900, 1100, 1300)


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


def playing(
    path: Path,
    clock: ManualClock,
    fps: float | None = None,
    loop: bool = False,
    is_offline: bool = False,
    playback: Playback = WHOLE_RECORDING,
) -> PacedVideo:
    return PacedVideo(path, fps, loop, is_offline, clock, clock.sleep, playback)


def shown(shot: VideoFrame | None) -> int:
    """Which picture of the film this is."""
    assert shot is not None
    return round((float(shot.picture.mean()) - 20) / 20)


def test_a_picture_is_captured_when_it_is_due(film: Path, clock: ManualClock) -> None:
    with playing(film, clock) as camera:
        shots = [camera.read(1.0) for _ in range(3)]
        assert [shown(s) for s in shots] == [0, 1, 2]
        assert [s.stamp.captured_ns for s in shots if s] == [5_000_000_000, 5_100_000_000, 5_200_000_000]
        assert [s.stamp.index for s in shots if s] == [0, 1, 2]
        assert clock.now_ns == 5_200_000_000
        assert camera.dropped == 0


def test_nothing_comes_before_its_time(film: Path, clock: ManualClock) -> None:
    with playing(film, clock) as camera:
        camera.read(1.0)
        assert camera.read(0.06) is None
        assert shown(camera.read(0.06)) == 1


def test_pictures_that_come_too_late_are_dropped_and_counted(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, fps=100.0) as camera:
        camera.read(1.0)
        clock.sleep(0.045)
        late = camera.read(1.0)
        assert shown(late) == 4  # due at 0.04 s
        assert late is not None
        assert late.stamp.captured_ns == 5_040_000_000
        assert camera.dropped == 3


def test_a_machine_that_decodes_too_slowly_plays_slower_and_shows_nothing_old(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, fps=1000.0, loop=True) as camera:
        for _ in range(20):
            clock.sleep(0.3)
            shot = camera.read(1.0)
            assert shot is not None
            assert 0 <= clock.now_ns - shot.stamp.captured_ns < 1e9 / 1000.0


def test_the_end_is_told_and_told_again(film: Path, clock: ManualClock) -> None:
    with playing(film, clock) as camera:
        for _ in range(COUNT):
            camera.read(1.0)
        for _ in range(2):
            with pytest.raises(EndOfSource):
                camera.read(1.0)


def test_a_loop_begins_again_without_a_pause(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, loop=True) as camera:
        shots = [camera.read(1.0) for _ in range(2 * COUNT + 1)]
    assert [shown(s) for s in shots] == [*range(COUNT), *range(COUNT), 0]
    assert [s.stamp.index for s in shots if s] == list(range(2 * COUNT + 1))
    times = [s.stamp.captured_ns for s in shots if s]
    assert set(np.diff(times)) == {100_000_000}


def test_another_rate_plays_it_at_that_rate(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, fps=25.0) as camera:
        shots = [camera.read(1.0) for _ in range(3)]
    assert [s.stamp.captured_ns - 5_000_000_000 for s in shots if s] == [0, 40_000_000, 80_000_000]


def test_offline_every_picture_comes_however_slow_the_reader(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, is_offline=True) as camera:
        shots = []
        for _ in range(COUNT):
            shots.append(camera.read(0.0))
            clock.sleep(3.0)
        assert camera.dropped == 0
    assert [shown(s) for s in shots] == list(range(COUNT))
    assert set(np.diff([s.stamp.captured_ns for s in shots if s])) == {100_000_000}


def test_after_a_long_sleep_the_loop_goes_on_instead_of_racing(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, loop=True) as camera:
        camera.read(1.0)
        clock.sleep(3600.0)
        shot = camera.read(1.0)
        assert shot is not None
        assert camera.dropped == 1
        assert 0 <= clock.now_ns - shot.stamp.captured_ns < 1e9 / FPS


def test_a_film_cut_off_ends_where_it_is_cut_and_says_so(
    write_film: Callable[..., Path], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_film("film.avi", "MJPG", 640, 480)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    pictures = 0
    with caplog.at_level(logging.WARNING), playing(film, clock) as camera, pytest.raises(EndOfSource):
        while True:
            camera.read(1.0)
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


def test_a_file_without_one_whole_picture_is_an_error_even_in_a_loop(film: Path, clock: ManualClock) -> None:
    content = bytearray(film.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    film.write_bytes(bytes(content))
    with pytest.raises(SourceError, match="damaged"), playing(film, clock, loop=True) as camera:
        camera.read(1.0)


def test_half_the_speed_takes_twice_as_long(film: Path, clock: ManualClock) -> None:
    with playing(film, clock, playback=Playback(speed=0.5)) as camera:
        shots = [camera.read(1.0) for _ in range(3)]
    assert [shown(s) for s in shots] == [0, 1, 2]
    assert [s.stamp.captured_ns - 5_000_000_000 for s in shots if s] == [0, 200_000_000, 400_000_000]


@pytest.mark.parametrize("is_offline", [False, True])
def test_only_the_asked_for_part_is_played(film: Path, clock: ManualClock, is_offline: bool) -> None:
    with playing(film, clock, is_offline=is_offline, playback=Playback(start_s=0.25, end_s=0.6)) as camera:
        shots = [camera.read(1.0) for _ in range(3)]
        with pytest.raises(EndOfSource):
            camera.read(1.0)
    assert [shown(s) for s in shots] == [3, 4, 5]
    assert camera.first_s == pytest.approx(0.3)
    assert [s.stamp.index for s in shots if s] == [0, 1, 2]
    assert camera.dropped == 0


def test_a_part_is_looped_as_a_whole_film_is(film: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    with playing(film, clock, loop=True, is_offline=True, playback=Playback(start_s=0.7, end_s=0.9)) as camera:
        shots = [camera.read(1.0) for _ in range(5)]
    assert [shown(s) for s in shots] == [7, 8, 7, 8, 7]
    assert [s.stamp.index for s in shots if s] == [0, 1, 2, 3, 4]
    assert not caplog.records  # nothing is cut off


def test_a_part_that_holds_no_picture_is_refused(film: Path, clock: ManualClock) -> None:
    with (
        playing(film, clock, playback=Playback(start_s=5.0)) as camera,
        pytest.raises(SourceError, match=r"no picture of film.\w+ lies from 5 s to the end"),
    ):
        camera.read(1.0)
    with pytest.raises(SourceError, match=r"no picture of film.\w+ lies from 0.31 s to 0.39 s"):
        playing(film, clock, playback=Playback(start_s=0.31, end_s=0.39)).__enter__()


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


def test_offline_a_picture_is_captured_when_the_file_says(uneven: Path, clock: ManualClock) -> None:
    with playing(uneven, clock, is_offline=True, playback=Playback(speed=2.0)) as camera:
        shots = [camera.read(1.0) for _ in range(COUNT)]
    assert [shown(s) for s in shots] == list(range(COUNT))
    assert [s.stamp.captured_ns - 5_000_000_000 for s in shots if s] == [at_ms * 500_000 for at_ms in UNEVEN_MS]


def test_a_part_of_an_uneven_film_is_found_by_its_times(
    uneven: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with playing(uneven, clock, loop=True, is_offline=True, playback=Playback(start_s=0.5, end_s=1.1)) as camera:
        shots = [camera.read(1.0) for _ in range(5)]
    assert [shown(s) for s in shots] == [5, 6, 7, 5, 6]
    assert [s.stamp.captured_ns - 5_000_000_000 for s in shots if s] == [0, 2 * 10**8, 4 * 10**8, 6 * 10**8, 8 * 10**8]
    assert not caplog.records  # nothing is cut off
