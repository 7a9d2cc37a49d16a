"""Recording a loop: raw rows, true times, and a take that is readable whatever happened to the writer."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture import take_files
from omote.engine.capture.recorder import Recorder, RecordError
from omote.engine.capture.source import EndOfSource
from omote.engine.capture.take import TakeSource, read_take
from omote.engine.capture.take_files import TakeError, read_sidecar
from omote.engine.data import Signal, Stamp
from omote.engine.testing.capture import SmallDisk

PATIENCE_S = 20.0
NOON_NS = 12 * 3600 * 1_000_000_000
WALL_NS = 1_750_000_000_000_000_000


def signal(k: int, *, fps: float = 30.0, timecode_ns: int | None = None, is_tracked: bool = True) -> Signal:
    """The k-th picture of a performance without two equal rows."""
    stamp = Stamp(k, 5_000_000_000 + round(k * 1e9 / fps), WALL_NS + round(k * 1e9 / fps), timecode_ns=timecode_ns)
    if not is_tracked:
        return Signal(stamp, np.zeros(arkit.COUNT, np.float32), confidence=0.0)
    return Signal(
        stamp,
        arkit.weights({"jawOpen": (k % 10) / 10.0, "mouthLeft": 0.25}),
        np.array([0.01 * (k % 7), 0.2, -0.1], np.float32),
        np.array([0.01, -0.02, 0.03], np.float32),
        np.array([[0.1, -0.1], [0.05, 0.02]], np.float32),
        0.75,
    )


def recorded(path: Path, signals: list[Signal], recorder: Recorder | None = None) -> Recorder:
    with recorder or Recorder(path, provenance="composed") as running:
        for one in signals:
            running.see(one)
    return running


def wait_for(rows: int, recorder: Recorder) -> None:
    """Waits until so many rows are written."""
    end = time.monotonic() + PATIENCE_S
    while recorder.progress.rows < rows:
        assert time.monotonic() < end, recorder.progress
        time.sleep(0.01)


def test_a_recording_holds_the_signals(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.csv", [signal(k) for k in range(40)]
    progress = recorded(path, seen).progress
    take = read_take(path)
    assert (progress.rows, progress.error, len(take), take.fps, take.provenance) == (40, "", 40, 30.0, "composed")
    assert progress.seconds == pytest.approx(39 / 30, abs=1e-6)
    np.testing.assert_allclose(take.time_s, np.arange(40) / 30, atol=2e-5)
    for k in (0, 13, 39):
        for name in ("weights", "head_rotation", "head_translation", "gaze"):
            np.testing.assert_allclose(getattr(take, name)[k], getattr(seen[k], name), atol=3e-6)
    np.testing.assert_allclose(take.confidence, 0.75, atol=1e-6)


def test_the_csv_is_the_apps(tmp_path: Path) -> None:
    recorded(tmp_path / "a.csv", [signal(k, timecode_ns=NOON_NS + round(k * 1e9 / 60)) for k in range(3)])
    lines = (tmp_path / "a.csv").read_text("utf-8").splitlines()
    assert lines[0] == ",".join(take_files.COLUMNS)
    assert [line.split(",")[0] for line in lines[1:]] == ["12:00:00:00.000", "12:00:00:01.000", "12:00:00:02.000"]
    assert all(line.split(",")[1] == "61" and len(line.split(",")) == 63 for line in lines[1:])


def test_a_lost_face_is_a_row_with_a_count_of_0(tmp_path: Path) -> None:
    recorded(tmp_path / "a.csv", [signal(0), signal(1, is_tracked=False), signal(2)])
    row = (tmp_path / "a.csv").read_text("utf-8").splitlines()[2].split(",")
    assert (row[1], len(row)) == ("0", 63)
    assert read_take(tmp_path / "a.csv").confidence.tolist() == [0.75, 0.0, 0.75]


def test_dropped_pictures_leave_a_gap_in_time(tmp_path: Path) -> None:
    recorded(tmp_path / "a.csv", [signal(k) for k in (0, 1, 2, 30, 31)])
    np.testing.assert_allclose(read_take(tmp_path / "a.csv").time_s * 30, [0, 1, 2, 30, 31], atol=1e-3)


def test_the_phones_timecode_is_kept_and_played_and_kept_again(tmp_path: Path) -> None:
    start_ns = NOON_NS + 123_450_000
    recorded(tmp_path / "a.csv", [signal(k, timecode_ns=start_ns + round(k * 1e9 / 30)) for k in range(20)])
    take = read_take(tmp_path / "a.csv")
    assert take.timecode_ns == pytest.approx(start_ns, abs=17_000)
    source, replayed = TakeSource(take, "a.csv", is_offline=True), list[Signal]()
    with pytest.raises(EndOfSource):
        while one := source.read(1.0):
            replayed.append(one)
    assert replayed[7].stamp.timecode_ns == pytest.approx(start_ns + 7e9 / 30, abs=17_000)
    recorded(tmp_path / "b.csv", replayed)
    times = [
        [line.split(",")[0] for line in (tmp_path / f"{name}.csv").read_text("utf-8").splitlines()] for name in "ab"
    ]
    assert times[0] == times[1]


def test_a_source_without_a_timecode_gets_the_time_of_day(tmp_path: Path) -> None:
    recorded(tmp_path / "a.csv", [signal(0)])
    here = time.localtime(WALL_NS // 1_000_000_000)
    said = (tmp_path / "a.csv").read_text("utf-8").splitlines()[1][:8]
    assert said == f"{here.tm_hour:02}:{here.tm_min:02}:{here.tm_sec:02}"


def test_midnight_does_not_end_a_recording(tmp_path: Path) -> None:
    late_ns, day_ns = 24 * 3600 * 10**9 - 50_000_000, 24 * 3600 * 10**9
    recorded(tmp_path / "a.csv", [signal(k, timecode_ns=(late_ns + k * 33_333_333) % day_ns) for k in range(6)])
    take = read_take(tmp_path / "a.csv")
    np.testing.assert_allclose(take.time_s, np.arange(6) / 30, atol=2e-5)
    assert [str(take.timecode_of(k))[:3] for k in (0, 5)] == ["863", "116"]


def test_a_recording_that_is_cut_off_is_readable_to_its_last_whole_row(tmp_path: Path) -> None:
    recorded(tmp_path / "a.csv", [signal(k) for k in range(6)])
    table, sidecar = (tmp_path / f"a{suffix}" for suffix in (".csv", ".json"))
    whole, beside = table.read_bytes(), sidecar.read_bytes()
    first_row, all_rows = beside.index(b"\n[") + 1, beside.rindex(b"\n]")
    counts = set()
    for cut in range(first_row, all_rows + 1):
        sidecar.write_bytes(beside[:cut])
        rows = beside[:cut].count(b"]")
        if not rows:
            with pytest.raises(TakeError, match="no whole row"):
                read_take(table)
            continue
        counts.add(len(read_take(table)))
        assert len(read_take(table)) == rows
    assert counts == {1, 2, 3, 4, 5, 6}
    sidecar.write_bytes(beside[:all_rows])
    for cut in range(len(whole) - 700, len(whole)):
        table.write_bytes(whole[:cut])
        assert len(read_take(table)) == whole[:cut].count(b"\n") - 1


def test_rows_are_on_disk_while_the_recording_runs(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.csv") as recorder:
        for k in range(5):
            recorder.see(signal(k))
        wait_for(5, recorder)
        take = read_take(tmp_path / "a.csv")
        assert (len(take), take.fps) == (5, 30.0)
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["fps"] == 30.0


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_nothing_is_ever_overwritten(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_text("dear")
    with pytest.raises(RecordError, match=rf"a{suffix} is there already.*choose another name"):
        Recorder(tmp_path / "a.csv").__enter__()
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    assert (tmp_path / f"a{suffix}").read_text() == "dear"


def test_a_missing_folder_and_a_wrong_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such folder; make it"):
        Recorder(tmp_path / "none" / "a.csv").__enter__()
    with pytest.raises(RecordError, match=r"record into a\.csv"):
        Recorder(tmp_path / "a.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot record into"):
        Recorder(tmp_path / "file" / "a.csv").__enter__()


def test_without_a_picture_no_file_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorded(tmp_path / "a.csv", [])
    assert not list(tmp_path.iterdir())
    assert "no picture came" in caplog.text


@pytest.mark.parametrize("room", [0, 1, 500, 1300, 3000, 3001, 3002, 7777])
def test_a_full_disk_ends_the_recording_and_keeps_what_was_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    path = tmp_path / "a.csv"
    recorder = Recorder(path, new_file=SmallDisk(room).new_file)
    if room < 1300:  # less than the header
        with pytest.raises(RecordError, match="No space left"):
            recorder.__enter__()
        assert not list(tmp_path.iterdir())
        return
    with caplog.at_level(logging.WARNING):
        progress = recorded(path, [signal(k) for k in range(30)], recorder).progress
    assert "the disk is full" in progress.error
    assert [record.message for record in caplog.records] == [progress.error]
    if progress.rows:
        assert len(read_take(path)) == progress.rows
    recorder.see(signal(31))  # The loop goes on.


def test_a_disk_that_is_pulled_out_ends_the_recording(tmp_path: Path) -> None:
    disk, path = SmallDisk(1_000_000), tmp_path / "a.csv"
    with Recorder(path, new_file=disk.new_file) as recorder:
        recorder.see(signal(0))
        wait_for(1, recorder)
        disk.is_there = False
        recorder.see(signal(1))
    assert "has ended" in recorder.progress.error
    assert len(read_take(path)) == 1


def test_a_removed_file_ends_the_recording(tmp_path: Path) -> None:
    now = [0.0]
    with Recorder(tmp_path / "a.csv", clock=lambda: now[0]) as recorder:
        recorder.see(signal(0))
        wait_for(1, recorder)
        try:
            (tmp_path / "a.csv").unlink()
        except PermissionError:
            pytest.skip("this system does not remove open files")
        now[0] = 2.0
        end = time.monotonic() + PATIENCE_S
        while not recorder.progress.error:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert "it was removed meanwhile" in recorder.progress.error


def test_each_second_and_at_the_end_the_disk_is_asked_to_keep_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, kept = [0.0], list[int]()  # sizes of the CSV

    def fsync(descriptor: int) -> None:
        kept.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr("omote.engine.capture.recorder.os.fsync", fsync)
    with Recorder(tmp_path / "a.csv", clock=lambda: now[0]) as recorder:
        for second in range(1, 4):
            recorder.see(signal(second))
            wait_for(second, recorder)
            assert len(kept) == 2 * (second - 1)  # of the CSV and of the JSON
            now[0] += 1.1
            end = time.monotonic() + PATIENCE_S
            while len(kept) < 2 * second:
                assert time.monotonic() < end
                time.sleep(0.01)
    assert len(kept) == 8
    assert kept[-2:] == [(tmp_path / name).stat().st_size for name in ("a.csv", "a.json")]


class HangingDisk:
    """Writes nothing until it is released."""

    def __init__(self) -> None:
        self.is_released = threading.Event()
        self.hangs = False

    def new_file(self, path: Path) -> HangingFile:
        return HangingFile(self, path)


class HangingFile:
    def __init__(self, disk: HangingDisk, path: Path) -> None:
        self._disk, self._file = disk, path.open("xb", buffering=0)
        self.truncate, self.close, self.fileno = self._file.truncate, self._file.close, self._file.fileno

    def write(self, data: bytes) -> int:
        if self._disk.hangs:
            self._disk.is_released.wait(PATIENCE_S)
        return self._file.write(data)


def test_a_disk_that_hangs_does_not_block_and_reports_missing_pictures(tmp_path: Path) -> None:
    disk = HangingDisk()
    with Recorder(tmp_path / "a.csv", new_file=disk.new_file) as recorder:
        disk.hangs = True
        for k in range(3000):
            recorder.see(signal(k))  # It returns, or this test does not end.
        disk.is_released.set()
        wait_for(1024, recorder)
    assert "its disk is too slow" in recorder.progress.error
    assert 1000 < recorder.progress.rows < 1100
    assert len(read_take(tmp_path / "a.csv")) == recorder.progress.rows


RECORDING = """
import sys, time
from pathlib import Path
import numpy as np
from omote.engine.capture.recorder import Recorder
from omote.engine.data import Signal, Stamp

with Recorder(Path(sys.argv[1])) as recorder:
    for k in range(1_000_000):
        recorder.see(Signal(Stamp(k, k * 33_333_333, k), np.zeros(52, np.float32)))
        if recorder.progress.rows > 20:
            print("recording", flush=True)
        time.sleep(0.001)
"""


def test_a_killed_process_leaves_a_readable_take(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RECORDING, str(tmp_path / "a.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "recording\n"
        process.kill()
    assert len(read_take(tmp_path / "a.csv")) > 20
    assert read_sidecar(tmp_path / "a.json").is_unfinished
