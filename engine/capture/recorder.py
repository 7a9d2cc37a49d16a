"""Records the signals of a running loop into a take, row by row, each with its timecode."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np

from ..data import Signal, Stamp
from . import take_files
from .take import csv_values
from .take_files import DAY_NS, TakeError

_WRITE_INTERVAL_S = 0.1
_KEEP_INTERVAL_S = 1.0  # between two times that the disk is to keep what was written
_MOST_WAITING = 1024  # signals: a disk that hangs for longer loses some
_CLOSE_S = 5.0  # after this time a disk that hangs is left behind
_STEPS = 1000  # pictures from which the rate is measured
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # of file systems that cannot be asked to keep a file

log = logging.getLogger(__name__)


class RecordError(TakeError):
    """A take cannot be recorded; the message says why, and the cure."""


class GrowingFile(Protocol):
    """The part of an open, unbuffered file that is used."""

    def write(self, data: bytes, /) -> int | None:
        """The number of bytes that were written; OSError if none can be."""
        ...

    def truncate(self, size: int, /) -> int: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def new_file(path: Path) -> GrowingFile:
    """An empty file, unbuffered so that what is written outlives this process; FileExistsError if there is one."""
    return path.open("xb", buffering=0)


@dataclass(frozen=True)
class RecordingProgress:
    """The state of a recording."""

    path: Path
    rows: int  # written, and readable whatever happens
    seconds: float  # from the first row to the last
    error: str = ""  # why it ended early, or what is missing, as a sentence


class Recorder:
    """Keeps raw signals as a take: Live Link Face's CSV, and our JSON beside it.

    It opens in `with`. A thread of its own writes, so that no disk delays the drawing, and writes whole rows, so that
    the take is readable at any moment. If it fails, the loop goes on: `progress` and one line of the log say why, and
    what was written stays. Nothing is ever overwritten. Without `fps` the timecode counts 60 frames a second, as the
    app's does, and the rate of the take is measured.
    """

    def __init__(
        self,
        path: Path,
        fps: float | None = None,
        provenance: str = "",
        *,
        new_file: Callable[[Path], GrowingFile] = new_file,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if path.suffix.lower() != ".csv":
            raise RecordError(f"a take is a .csv file, not {path.name}: record into {path.with_suffix('.csv').name}")
        if fps is not None and not 1.0 <= fps <= 1000.0:
            raise RecordError(f"a take has 1 to 1000 pictures a second, not {fps:g}")
        self._path, self._fps, self._provenance = path, fps, provenance
        self._rate = take_files.APP_RATE if fps is None else -int(-fps // 1)
        self._new_file, self._clock = new_file, clock
        self._waiting: deque[Signal] = deque()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"record {path.name}", daemon=True)
        self._files: tuple[_WholeTexts, ...] = ()  # the CSV and the JSON
        self._timecodes = TimecodeClock()
        self._steps_ns: list[int] = []  # between the first pictures
        self._kept_s = 0.0
        self._missing = 0  # signals for which there was no room
        self._has_ended = False
        self._progress = RecordingProgress(path, 0, 0.0)

    @property
    def progress(self) -> RecordingProgress:
        """From any thread."""
        return self._progress

    @property
    def has_ended(self) -> bool:
        """Whether it has failed: `progress` says why."""
        return self._has_ended

    def see(self, signal: Signal) -> None:
        """Keeps a signal for the thread that writes; never blocks, never raises."""
        if self._has_ended or self._is_over.is_set():
            return
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(signal)
        else:
            self._missing += 1

    def __enter__(self) -> Self:
        """RecordError if one of the files exists, or cannot be made."""
        sidecar = take_files.sidecar_start(self._provenance, self._rate, has_timecode=True)
        try:
            for path, text in ((self._path, take_files.csv_header()), (self._path.with_suffix(".json"), sidecar)):
                self._files = (*self._files, _WholeTexts(path, self._new_file(path)))
                self._files[-1].write(text)
        except OSError as error:
            self._discard()
            raise RecordError(_open_error(error.filename or self._path, error)) from error
        self._kept_s = self._clock()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            log.warning("the disk of %s hangs: the last rows may be missing", self._path)

    # What follows runs in the thread that writes.

    def _run(self) -> None:
        try:
            while not self._is_over.wait(_WRITE_INTERVAL_S):
                self._write_waiting()
                self._keep_files()
            self._write_waiting()
            self._finish()
        except OSError as error:
            self._fail(_write_error(self._path, error))
        except Exception as error:  # A thread must not die silently.
            self._fail(f"{self._path.name} cannot be recorded any further: {error!r}")
        finally:
            for file in self._files:
                file.close()

    def _write_waiting(self) -> None:
        while self._waiting:
            self._write(self._waiting.popleft())
        if self._missing and not self._progress.error:
            error = f"pictures are missing from {self._path.name}: its disk is too slow"
            log.warning("%d %s", self._missing, error)
            self._progress = replace(self._progress, error=error)

    def _write(self, signal: Signal) -> None:
        before_ns, now_ns = self._timecodes.elapsed_ns, self._timecodes.place(signal.stamp)
        values = csv_values(signal.weights[None], signal.head_rotation[None], signal.gaze[None])[0]
        if not signal.is_tracked:
            values = np.zeros_like(values)
        rows = self._progress.rows
        row = take_files.sidecar_row(signal.confidence, signal.head_translation, signal.gaze, is_first=not rows)
        table, sidecar = self._files
        sidecar.write(row)
        try:
            table.write(take_files.csv_line(now_ns, values, self._rate, has_face=signal.is_tracked))
        except OSError:
            sidecar.cut(len(row))
            raise
        if rows and len(self._steps_ns) < _STEPS:
            self._steps_ns.append(self._timecodes.elapsed_ns - before_ns)
        self._progress = replace(self._progress, rows=rows + 1, seconds=self._timecodes.elapsed_ns / 1e9)

    def _keep_files(self) -> None:
        """Has the disk keep what was written, each second: a power cut costs no more.

        FileNotFoundError if a file was removed: most systems go on writing into it, and the rows are lost.
        """
        if self._clock() - self._kept_s < _KEEP_INTERVAL_S:
            return
        self._kept_s = self._clock()
        for file in self._files:
            if not file.path.exists():
                raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile", str(file.path))
            file.sync()

    def _finish(self) -> None:
        if not self._progress.rows:
            self._discard()
            log.warning("nothing was recorded into %s: no picture came", self._path.name)
            return
        self._files[1].write(take_files.sidecar_end(self._fps or self._measured_fps()))
        for file in self._files:
            file.sync()
        log.info("recorded %d pictures, %.1f s: %s", self._progress.rows, self._progress.seconds, self._path)

    def _measured_fps(self) -> float:
        rate = take_files.rate_of(np.array(self._steps_ns) / 1e9)
        return min(round(rate, 2), 1000.0) or float(self._rate)

    def _fail(self, error: str) -> None:
        self._has_ended = True
        self._waiting.clear()
        self._progress = replace(self._progress, error=error)
        log.warning("%s", error)

    def _discard(self) -> None:
        for file in self._files:
            file.close()
            with suppress(OSError):
                file.path.unlink()


class _WholeTexts:
    """A file that grows by whole texts, or not at all."""

    def __init__(self, path: Path, file: GrowingFile) -> None:
        self.path = path
        self._file, self._size = file, 0

    def write(self, text: str) -> None:
        data = text.encode()
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:]) or 0
        except OSError:
            self.cut(0)
            raise
        self._size += len(data)

    def cut(self, count: int) -> None:
        """Removes the last bytes, and the part of a text that did not fit."""
        self._size -= count
        with suppress(OSError):
            self._file.truncate(self._size)

    def sync(self) -> None:
        """Returns once the disk has all of it; OSError if it cannot."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


def _open_error(path: Path | str, error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return f"{path} is there already, and nothing is overwritten: choose another name, or remove it"
    if isinstance(error, FileNotFoundError):
        return f"cannot record into {path}: there is no such folder; make it, or choose another one"
    return f"cannot record into {path} ({error.strerror or error}): choose a folder that may be written to"


def _write_error(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the recording {path.name} has ended: the disk is full; what was written stays, make room for the next"
    return (
        f"the recording {path.name} has ended: {error.strerror or error}; what was written can be read, choose another "
        "folder for the next"
    )


# Timecodes.

_FASTEST = 16  # times; up to this speed a replay keeps its timecodes
_JITTER_NS = 100_000_000  # by which a packet may come early
_LONGEST_GAP_NS = 11 * 3600 * 1_000_000_000  # in a timecode, half a day back and half a day on look alike
_CLOCK_SET_AFTER = 30  # rows in a row that follow another time: the clock of the source was set


class _TimedRow(NamedTuple):
    """A row with its time."""

    timecode_ns: int | None
    captured_ns: int
    now_ns: int


class TimecodeClock:
    """Gives each row its timecode, never back: the source's own if it has one, else the time of day.

    The wall clock is read once; from then on time advances as it does between captures, so that a clock that is set
    meanwhile changes nothing. Dropped pictures leave a gap, and so does a machine that slept if the capture clock runs
    on. A stray row, whose timecode differs from those around it, stretches nothing.
    """

    def __init__(self) -> None:
        self._first = self._last = _TimedRow(None, 0, 0)
        self._trusted: _TimedRow | None = None  # the last row that agreed with the source's clock
        self._strays = 0  # rows since then, each placed after the one before
        self._is_empty = True

    def place(self, stamp: Stamp) -> int:
        """Nanoseconds since the midnight before the first row."""
        timecode_ns, captured_ns, last = stamp.timecode_ns, stamp.captured_ns, self._last
        if self._is_empty:
            now_ns = time_of_day_ns(stamp.captured_wall_ns) if timecode_ns is None else timecode_ns
            self._first = last = _TimedRow(timecode_ns, captured_ns, now_ns)
            self._is_empty = False
        trusted = self._trusted or last
        from_trusted_ns, from_last_ns = self._step_ns(trusted, stamp), self._step_ns(last, stamp)
        if from_trusted_ns is not None and (
            from_last_ns is None or _error_ns(trusted, stamp, from_trusted_ns) <= _error_ns(last, stamp, from_last_ns)
        ):
            now_ns = max(trusted.now_ns + from_trusted_ns, last.now_ns)
            self._strays = 0
        else:
            now_ns = last.now_ns + (_passed_ns(last, captured_ns) if from_last_ns is None else from_last_ns)
            self._strays = 1 if from_last_ns is None else self._strays + 1
        self._last = _TimedRow(timecode_ns, captured_ns, now_ns)
        if not 0 < self._strays < _CLOCK_SET_AFTER:
            self._trusted = self._last
        return now_ns

    @property
    def elapsed_ns(self) -> int:
        """The time since the first row."""
        return self._last.now_ns - self._first.now_ns

    def _step_ns(self, row: _TimedRow, stamp: Stamp) -> int | None:
        """The time since this row by the source's clock; None if that is impossible."""
        if row.timecode_ns is None or stamp.timecode_ns is None:
            return None
        step_ns = (stamp.timecode_ns - row.timecode_ns) % DAY_NS
        passed_ns = _passed_ns(row, stamp.captured_ns)
        # After a stall, rows that waited on their way come at once, and some of them are lost.
        behind_ns = max(row.captured_ns - self._first.captured_ns - (row.now_ns - self._first.now_ns), 0)
        most_ns = min(_FASTEST * passed_ns + behind_ns + _JITTER_NS, _LONGEST_GAP_NS)
        return step_ns if step_ns <= most_ns else None


def _error_ns(row: _TimedRow, stamp: Stamp, step_ns: int) -> int:
    """How far the source's clock and ours disagree about the time since a row."""
    return abs(step_ns - _passed_ns(row, stamp.captured_ns))


def _passed_ns(row: _TimedRow, captured_ns: int) -> int:
    return min(max(captured_ns - row.captured_ns, 0), _LONGEST_GAP_NS)


def time_of_day_ns(wall_ns: int) -> int:
    """The time since local midnight, as in an iPhone's timecode."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    here = time.localtime(seconds)
    return (here.tm_sec + 60 * (here.tm_min + 60 * here.tm_hour)) * 1_000_000_000 % DAY_NS + rest_ns
