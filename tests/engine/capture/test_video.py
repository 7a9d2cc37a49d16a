"""A video as a source: what it tracks in real time, when it begins and ends, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from omote.bridge import arkit
from omote.engine.capture.source import EndOfSource, SourceError
from omote.engine.capture.video import VideoSource
from omote.engine.data import Signal
from omote.engine.testing.capture import BrightnessTracker

COUNT = 10
PATIENCE_S = 20.0


def source(path: Path, fps: float | None = None, loop: bool = False, is_offline: bool = False) -> VideoSource:
    return VideoSource(path, fps, loop, is_offline, open_tracker=BrightnessTracker)


def shown(signal: Signal) -> int:
    """Which picture of the film this is."""
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
    with source(film, fps=200.0) as video_source:
        signals = to_the_end(video_source)
        assert len(signals) + video_source.dropped == COUNT
    pictures = [shown(signal) for signal in signals]
    assert pictures == sorted(set(pictures))
    assert pictures == [signal.stamp.index for signal in signals]
    assert pictures[-1] == COUNT - 1


def test_offline_every_picture_is_tracked(film: Path) -> None:
    with source(film, is_offline=True) as video_source:
        assert [shown(signal) for signal in to_the_end(video_source)] == list(range(COUNT))
        assert video_source.dropped == 0


def test_a_film_begins_when_it_is_first_read_and_not_when_it_is_opened(film: Path) -> None:
    with source(film, fps=200.0) as video_source:
        before_ns = time.perf_counter_ns()
        first = to_the_end(video_source)[0]
    assert first.stamp.captured_ns - first.stamp.index * 5_000_000 >= before_ns


def test_a_picture_says_how_long_it_waited_to_be_tracked(film: Path) -> None:
    with source(film, fps=200.0) as video_source:
        stamp = to_the_end(video_source)[0].stamp
    assert [name for name, _ in stamp.finished] == ["capture"]
    assert stamp.finished[0][1] >= stamp.captured_ns


def test_the_end_is_told_and_told_again_in_real_time(film: Path) -> None:
    with source(film, fps=200.0) as video_source:
        to_the_end(video_source)
        for _ in range(2):
            with pytest.raises(EndOfSource):
                video_source.read(PATIENCE_S)


def test_a_film_that_is_damaged_within_is_an_error_in_real_time_too(film: Path) -> None:
    content = bytearray(film.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    film.write_bytes(bytes(content))
    with pytest.raises(SourceError, match="damaged"), source(film, loop=True) as video_source:
        video_source.read(PATIENCE_S)


def test_a_film_that_is_closed_before_its_end_is_decoded_no_longer(film: Path) -> None:
    with source(film, fps=200.0, loop=True) as video_source:
        while video_source.read(PATIENCE_S) is None:
            pass
    assert not [thread for thread in threading.enumerate() if thread.name == "decode film.mp4"]


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


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(SourceError, match="fps must be a positive number"):
        VideoSource(tmp_path / "film.mp4", fps)


def test_reading_before_opening_is_an_error(film: Path) -> None:
    with pytest.raises(SourceError, match="use `with`"):
        source(film).read(0.0)
