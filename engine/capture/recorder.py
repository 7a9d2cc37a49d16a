"""Records the signals of a running loop into a take, row by row, each with its timecode."""

from __future__ import annotations

import errno
import logging
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


class GrowingFile(Protocol):
    """What is used of an open, unbuffered file."""

    def write(self, data: bytes, /) -> int | None:
        """How many of the bytes were taken; OSError where none can be."""
        ...

    def truncate(self, size: int, /) -> int: ...

    def close(self) -> None: ...


def new_file(path: Path) -> GrowingFile:
    """An empty file, unbuffered, so that what is written outlives this process; FileExistsError where one is there."""
    return path.open("xb", buffering=0)


log = logging.getLogger(__name__)

WRITE_S = 0.1  # between two writes
LOOK_S = 1.0  # between two looks whether the file is still there
MOST_WAITING = 1024  # pictures: a disk that hangs for longer than these last loses some
CLOSE_S = 5.0  # a disk that hangs for longer is left behind
_STEPS = 1000  # pictures from which the rate is seen


class RecordError(TakeError):
    """Nothing can be recorded there; the message says why and the cure."""


@dataclass(frozen=True)
class RecordingProgress:
    """How far a recording is."""

    path: Path
    rows: int  # written, and readable whatever happens
    seconds: float  # from the first of them to the last
    error: str = ""  # why it has ended before its time, or what is missing, in a sentence


class Recorder:
    """A witness that keeps raw signals as a take: Live Link Face's CSV, and our JSON beside it.

    It opens in `with`. A thread of its own writes, so that no disk holds up the drawing, and writes whole rows, so
    that the take is readable at any moment. Where it cannot go on, the loop does: `progress` and one line of the log
    say why, and what was written stays. Nothing is ever overwritten. Without `fps` the timecode counts 60 frames a
    second, as the app's does, and the take's rate is what was seen.
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
        self._tapes: tuple[_GrowingFile, ...] = ()  # the CSV and the JSON
        self._timeline = TimecodeClock()
        self._steps_ns: list[int] = []  # between the first pictures
        self._looked_s = 0.0
        self._missing = 0  # pictures that found no room while they waited
        self._has_ended = False  # before its time
        self._progress = RecordingProgress(path, 0, 0.0)

    @property
    def progress(self) -> RecordingProgress:
        """From any thread."""
        return self._progress

    @property
    def has_ended(self) -> bool:
        """Whether it cannot go on: `progress` says why."""
        return self._has_ended

    def see(self, signal: Signal) -> None:
        """Keeps a signal for the thread that writes; never blocks, never raises."""
        if self._has_ended or self._is_over.is_set():
            return
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(signal)
        else:
            self._missing += 1

    def __enter__(self) -> Self:
        """RecordError where a file is there already, or none can be."""
        beside = take_files.sidecar_start(self._provenance, self._rate, has_timecode=True)
        try:
            for path, text in ((self._path, take_files.csv_header()), (self._path.with_suffix(".json"), beside)):
                self._tapes = (*self._tapes, _GrowingFile(path, self._new_file(path)))
                self._tapes[-1].write(text)
        except OSError as error:
            self._discard()
            raise RecordError(_record_error(error.filename or self._path, error)) from error
        self._looked_s = self._clock()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("the disk of %s hangs: the last rows may be missing", self._path)

    # What follows runs in the thread that writes.

    def _run(self) -> None:
        try:
            while not self._is_over.wait(WRITE_S):
                self._write_waiting()
                self._check_is_there()
            self._write_waiting()
            self._finish()
        except OSError as error:
            self._end(_reason_of(self._path, error))
        except Exception as error:  # a thread that dies must say so
            self._end(f"{self._path.name} cannot be recorded any further: {error!r}")
        finally:
            for tape in self._tapes:
                tape.close()

    def _write_waiting(self) -> None:
        while self._waiting:
            self._write(self._waiting.popleft())
        if self._missing and not self._progress.error:
            told = f"pictures are missing from {self._path.name}: its disk takes them too slowly"
            log.warning("%d %s", self._missing, told)
            self._progress = replace(self._progress, error=told)

    def _write(self, signal: Signal) -> None:
        before_ns, now_ns = self._timeline.elapsed_ns, self._timeline.place(signal.stamp)
        values = csv_values(signal.weights[None], signal.head_rotation[None], signal.gaze[None])[0]
        if not signal.is_tracked:
            values = np.zeros_like(values)
        rows = self._progress.rows
        beside = take_files.sidecar_row(signal.confidence, signal.head_translation, signal.gaze, is_first=not rows)
        table, sidecar = self._tapes
        sidecar.write(beside)
        try:
            table.write(take_files.csv_line(now_ns, values, self._rate, has_face=signal.is_tracked))
        except OSError:
            sidecar.cut(len(beside))
            raise
        if rows and len(self._steps_ns) < _STEPS:
            self._steps_ns.append(self._timeline.elapsed_ns - before_ns)
        self._progress = replace(self._progress, rows=rows + 1, seconds=self._timeline.elapsed_ns / 1e9)

    def _check_is_there(self) -> None:
        """A file that was removed takes rows for ever on most systems, and they are gone."""
        if self._clock() - self._looked_s < LOOK_S:
            return
        self._looked_s = self._clock()
        for tape in self._tapes:
            if not tape.path.exists():
                raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile", str(tape.path))

    def _finish(self) -> None:
        if not self._progress.rows:
            self._discard()
            log.warning("nothing was recorded into %s: no picture came", self._path.name)
            return
        self._tapes[1].write(take_files.sidecar_end(self._fps or self._seen_fps()))
        log.info("recorded %d pictures, %.1f s: %s", self._progress.rows, self._progress.seconds, self._path)

    def _seen_fps(self) -> float:
        step_ns = sorted(self._steps_ns)[len(self._steps_ns) // 2] if self._steps_ns else 0
        return min(round(1e9 / step_ns, 2), 1000.0) if step_ns else float(self._rate)

    def _end(self, why: str) -> None:
        self._has_ended = True
        self._waiting.clear()
        self._progress = replace(self._progress, error=why)
        log.warning("%s", why)

    def _discard(self) -> None:
        for tape in self._tapes:
            tape.close()
            with suppress(OSError):
                tape.path.unlink()


class _GrowingFile:
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
        """Takes back the last bytes, and what was written of a text that found no room."""
        self._size -= count
        with suppress(OSError):
            self._file.truncate(self._size)

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


def _record_error(path: Path | str, error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return f"{path} is there already, and nothing is overwritten: choose another name, or remove it"
    if isinstance(error, FileNotFoundError):
        return f"cannot record into {path}: there is no such folder; make it, or choose another one"
    return f"cannot record into {path} ({error.strerror or error}): choose a folder that may be written to"


def _reason_of(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the recording {path.name} has ended: the disk is full; what was written stays, make room for the next"
    return (
        f"the recording {path.name} has ended: {error.strerror or error}; "
        "what is still there can be read, the next one wants another folder"
    )


_FASTEST = 16  # times, at which a replay still keeps its timecodes
_JITTER_NS = 100_000_000  # that packets may come too early by
_LONGEST_GAP_NS = 11 * 3600 * 1_000_000_000  # half a day back and half a day on look alike in a timecode
_SET_AFTER = 30  # rows in a row that go by another time: the source's clock was set


class _TimedRow(NamedTuple):
    """A row that has its place."""

    timecode_ns: int | None
    captured_ns: int
    now_ns: int


class TimecodeClock:
    """Gives each row its timecode, never back: the source's own where it has one, else the wall clock's time of day.

    The wall clock is asked once; from then on time goes on as it does between captures, so that a clock that is set
    meanwhile changes nothing. What was dropped leaves a gap, and so does a machine that slept where that clock goes on.
    A stray row, whose timecode is of another time than those around it, stretches nothing.
    """

    def __init__(self) -> None:
        self._first = self._before = _TimedRow(None, 0, 0)
        self._followed: _TimedRow | None = None  # the last row that went by the source's clock as it is followed
        self._strays = 0  # rows since, each a step from the one before
        self._is_empty = True

    def place(self, stamp: Stamp) -> int:
        """Nanoseconds since the midnight before the first row."""
        said, captured_ns, before = stamp.timecode_ns, stamp.captured_ns, self._before
        if self._is_empty:
            now_ns = time_of_day_ns(stamp.captured_wall_ns) if said is None else said
            self._first = before = _TimedRow(said, captured_ns, now_ns)
            self._is_empty = False
        followed = self._followed or before
        on_ns, step_ns = self._step_ns(followed, stamp), self._step_ns(before, stamp)
        if on_ns is not None and (
            step_ns is None or _off_ns(followed, stamp, on_ns) <= _off_ns(before, stamp, step_ns)
        ):
            now_ns = max(followed.now_ns + on_ns, before.now_ns)
            self._strays = 0
        else:
            now_ns = before.now_ns + (_passed_ns(before, captured_ns) if step_ns is None else step_ns)
            self._strays = 1 if step_ns is None else self._strays + 1
        self._before = _TimedRow(said, captured_ns, now_ns)
        if not 0 < self._strays < _SET_AFTER:
            self._followed = self._before
        return now_ns

    @property
    def elapsed_ns(self) -> int:
        """Since the first row."""
        return self._before.now_ns - self._first.now_ns

    def _step_ns(self, mark: _TimedRow, stamp: Stamp) -> int | None:
        """How much later than this mark the source says the row to be; None where it cannot be."""
        if mark.timecode_ns is None or stamp.timecode_ns is None:
            return None
        said_ns = (stamp.timecode_ns - mark.timecode_ns) % DAY_NS
        passed_ns = _passed_ns(mark, stamp.captured_ns)
        # After a stall, rows that waited on their way come at once, and some of them are lost.
        behind_ns = max(mark.captured_ns - self._first.captured_ns - (mark.now_ns - self._first.now_ns), 0)
        most_ns = min(_FASTEST * passed_ns + behind_ns + _JITTER_NS, _LONGEST_GAP_NS)
        return said_ns if said_ns <= most_ns else None


def _off_ns(mark: _TimedRow, stamp: Stamp, said_ns: int) -> int:
    """How far what the source says has passed since a mark is from what has passed here."""
    return abs(said_ns - _passed_ns(mark, stamp.captured_ns))


def _passed_ns(mark: _TimedRow, captured_ns: int) -> int:
    return min(max(captured_ns - mark.captured_ns, 0), _LONGEST_GAP_NS)


def time_of_day_ns(wall_ns: int) -> int:
    """Since midnight where this machine stands, as an iPhone's timecode says it."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    here = time.localtime(seconds)
    return (here.tm_sec + 60 * (here.tm_min + 60 * here.tm_hour)) * 1_000_000_000 % DAY_NS + rest_ns
