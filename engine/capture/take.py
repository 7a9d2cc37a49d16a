"""A take: a recorded performance, read, written and played as a source."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, livelink

from ..data import Array, Signal, Stamp
from ..face.retarget import gaze_from_weights
from . import take_files
from .source import WHOLE_RECORDING, EndOfSource, Playback, SourceError
from .take_files import DAY_NS, TakeError, read_sidecar

_SLEPT_S = 5.0  # a read that is this late means that the machine slept
_SAME_TIME_S = 1e-4  # a row this near to a border of the played part lies on it: the CSV's times are rounded
_SHAPES: dict[str, tuple[int, ...]] = {
    "weights": (arkit.COUNT,),
    "head_rotation": (3,),
    "head_translation": (3,),
    "gaze": (2, 2),
    "confidence": (),
}


def read_take(path: Path) -> Take:
    """The take in `path`; TakeError, and nothing else, if it is none.

    Weights are clipped to 0 to 1, because the app writes tiny negatives. Without a gaze in the JSON, it follows from
    the eyeLook weights.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise TakeError(f"{path} cannot be read ({error.strerror or error}): give the CSV of a take") from error
    except UnicodeDecodeError as error:
        raise TakeError(
            f"{path} cannot be read, because it is no text: give the CSV of a Live Link Face take"
        ) from error
    sidecar = read_sidecar(path.with_suffix(".json"))
    rows = take_files.parse_csv(path.name, text, sidecar.timecode_rate, is_unfinished=sidecar.is_unfinished)
    written = min(rows.count, sidecar.rows or 0) if sidecar.is_unfinished else rows.count
    count = int(np.searchsorted(rows.number, written))
    if not count:
        raise TakeError(f"{path.name} has no whole row: its recording ended before the first picture was written")
    values, has_face, number = rows.values[:count], rows.has_face[:count], rows.number[:count]
    weights = np.clip(values[:, : arkit.COUNT], 0.0, 1.0).astype(np.float32)

    def column(key: str, default: Array) -> Array:
        """The JSON's numbers for these rows. It has a row for each of the CSV's, damaged ones included."""
        all_rows = np.zeros((written, *default.shape[1:]), np.float32)
        all_rows[number] = default
        return sidecar.array(key, all_rows)[number]

    return Take(
        fps=sidecar.fps or _guess_fps(rows),
        time_s=rows.time_s[:count],
        weights=weights,
        head_rotation=livelink.head_rotation(values[:, arkit.COUNT : arkit.COUNT + 3]),
        head_translation=column("head_translation", np.zeros((count, 3), np.float32)),
        gaze=column("gaze", gaze_from_weights(weights)),
        confidence=column("confidence", has_face.astype(np.float32)),
        provenance=sidecar.provenance,
        timecode_ns=rows.start_ns if sidecar.has_timecode else None,
        timecode_rate=rows.timecode_rate,
    )


def _guess_fps(rows: take_files.CsvRows) -> float:
    return min(round(take_files.rate_of(np.diff(rows.time_s)), 2), 1000.0) or float(rows.timecode_rate)


def check_is_new(path: Path) -> None:
    """TakeError if no take may be written here: not a .csv, one of its files exists, or its folder does not."""
    if path.suffix.lower() != ".csv":
        raise TakeError(f"a take is a .csv file, not {path.name}: write {path.with_suffix('.csv').name}")
    for file in (path, path.with_suffix(".json")):
        if file.exists():
            raise TakeError(f"{file} is there already, and nothing is overwritten: choose another name, or remove it")
    if not path.parent.is_dir():
        raise TakeError(f"cannot write {path}: there is no such folder; make it, or choose another one")


def write_take(path: Path, take: Take) -> None:
    """Writes `path` as the app would, and the JSON beside it; reading gives the same digits back."""
    rate = take.timecode_rate or math.ceil(take.fps)
    values = csv_values(take.weights, take.head_rotation, take.gaze)
    values[take.confidence == 0.0] = 0.0
    table = [take_files.csv_header()]
    sidecar = [take_files.sidecar_start(take.provenance, rate, has_timecode=take.timecode_ns is not None)]
    for row in range(len(take)):
        confidence = float(take.confidence[row])
        now_ns = (take.timecode_ns or 0) + round(float(take.time_s[row]) * 1e9)
        table.append(take_files.csv_line(now_ns, values[row], rate, has_face=confidence > 0.0))
        sidecar.append(take_files.sidecar_row(confidence, take.head_translation[row], take.gaze[row], is_first=not row))
    try:
        path.write_text("".join(table), "utf-8", newline="\n")
        sidecar.append(take_files.sidecar_end(take.fps))
        path.with_suffix(".json").write_text("".join(sidecar), "utf-8", newline="\n")
    except OSError as error:
        why = error.strerror or error
        raise TakeError(f"{path.name} cannot be written ({why}): make room, or choose another folder") from error


def csv_values(weights: Array, head_rotation: Array, gaze: Array) -> NDArray[np.float64]:
    """[n,61] rows of the CSV from [n,52], [n,3] and [n,2,2], in the order of `livelink.NAMES`."""
    values = np.zeros((len(weights), livelink.COUNT))
    values[:, : arkit.COUNT] = weights
    values[:, arkit.COUNT : arkit.COUNT + 3] = livelink.head_angles(head_rotation)
    values[:, arkit.COUNT + 3 :] = livelink.eye_angles(gaze).reshape(-1, 6)
    return values


class TakeSource:
    """Plays a take as a camera would see it: in real time, or offline picture by picture.

    In real time a picture counts as captured when it is due. A picture that is not read before the next is due is
    dropped and counted. After the machine slept, playback goes on from where it was. Offline every picture comes, with
    its time in the take, whatever the clock says. Another `fps` or speed plays the same pictures faster or slower, with
    the same timecodes.
    """

    def __init__(
        self,
        take: Take,
        name: str,
        fps: float | None = None,
        loop: bool = False,
        is_offline: bool = False,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
        *,
        playback: Playback = WHOLE_RECORDING,
    ) -> None:
        if fps is not None and not 0.0 < fps <= 1000.0:
            raise SourceError(f"a take plays at 0 to 1000 pictures a second, got {fps}")
        self.name = name
        self.dropped = 0
        self.first_s = float(take.time_s[_rows_of(take, playback).start])  # the start of the part in the take's seconds
        self._take = take = trimmed_take(take, playback)
        times_s = take.time_s if fps is None else np.arange(len(take)) / fps
        second_ns = 1e9 / playback.speed  # how long one of the take's seconds lasts
        self._due_ns = np.round(times_s * second_ns).astype(np.int64)  # [n] since the start
        self._length_ns = int(self._due_ns[-1]) + round(second_ns / (fps or take.fps))
        self._fps = (fps or take.fps) * playback.speed
        self._loop = loop
        self._is_offline = is_offline
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._next = 0  # index of the next picture, all rounds counted
        self._start_ns: int | None = None  # set by the first read: no picture is lost to model loading
        self._wall_start_ns = 0

    @property
    def fps(self) -> float:
        """Pictures a second as it is played."""
        return self._fps

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        """The newest picture that is due; None if none is in time; EndOfSource after the last."""
        if not self._loop and self._next >= len(self._take):
            raise EndOfSource(self.name)
        if self._start_ns is None:
            self._start_ns = 0 if self._is_offline else self._clock()
            self._wall_start_ns = self._wall_clock()
        if not self._is_offline:
            wait_s = (self._due(self._next) - self._elapsed_ns()) / 1e9
            if wait_s > timeout_s:
                self._sleep(timeout_s)
                return None
            if wait_s > 0.0:
                self._sleep(wait_s)
            behind_ns = self._elapsed_ns() - self._due(self._next)
            if behind_ns > _SLEPT_S * 1e9:
                self._start_ns += behind_ns
                self._wall_start_ns += behind_ns
            newest = max(self._newest_due(self._elapsed_ns()), self._next)
            self.dropped += newest - self._next
            self._next = newest
        self._next += 1
        return self._signal(self._next - 1)

    def _elapsed_ns(self) -> int:
        return self._clock() - (self._start_ns or 0)

    def _due(self, index: int) -> int:
        """When this picture is due, in nanoseconds since the start."""
        lap, row = divmod(index, len(self._take))
        return lap * self._length_ns + int(self._due_ns[row])

    def _newest_due(self, elapsed_ns: int) -> int:
        lap, rest_ns = divmod(elapsed_ns, self._length_ns)
        if lap and not self._loop:
            return len(self._take) - 1
        return lap * len(self._take) + int(np.searchsorted(self._due_ns, rest_ns, side="right")) - 1

    def _signal(self, index: int) -> Signal:
        due_ns, row = self._due(index), index % len(self._take)
        captured_ns, wall_ns = (self._start_ns or 0) + due_ns, self._wall_start_ns + due_ns
        return self._take.signal(row, Stamp(index, captured_ns, wall_ns, timecode_ns=self._take.timecode_of(row)))


@dataclass(frozen=True)
class Take:
    """A recorded performance, picture by picture."""

    fps: float
    time_s: NDArray[np.float64]  # [n] from 0, never back
    weights: Array  # [n,52] ARKit order, 0 to 1
    head_rotation: Array  # [n,3] as in `Signal`; so are the next three
    head_translation: Array  # [n,3]
    gaze: Array  # [n,2,2]
    confidence: Array  # [n]
    provenance: str = ""  # the performer, the recording and the licence
    timecode_ns: int | None = None  # of the first picture, since midnight; None if it is unknown
    timecode_rate: int | None = None  # frames that its file's timecode counts in a second; None for `fps`

    def __post_init__(self) -> None:
        count = len(self.time_s)
        if not count or not 0.0 < self.fps <= 1000.0:
            raise TakeError(f"a take has pictures, and 0 to 1000 of them a second; got {count} at {self.fps}")
        if self.time_s[0] != 0.0 or (np.diff(self.time_s) < 0).any():
            raise TakeError("the times of a take begin at 0 and never go back")
        for name, shape in _SHAPES.items():
            value = getattr(self, name)
            if value.shape != (count, *shape) or not np.isfinite(value).all():
                raise TakeError(f"{name} must be finite {[count, *shape]}, got {list(value.shape)}")
        for name in ("weights", "confidence"):
            if getattr(self, name).min() < 0.0 or getattr(self, name).max() > 1.0:
                raise TakeError(f"{name} must be between 0 and 1")
        if self.timecode_ns is not None and not 0 <= self.timecode_ns < DAY_NS:
            raise TakeError(f"a timecode lies within a day, got {self.timecode_ns / 1e9:.0f} s")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def seconds(self) -> float:
        """The length, to the end of the last picture."""
        return float(self.time_s[-1]) + 1.0 / self.fps

    def signal(self, row: int, stamp: Stamp) -> Signal:
        """The signal of this row."""
        return Signal(
            stamp,
            self.weights[row],
            self.head_rotation[row],
            self.head_translation[row],
            self.gaze[row],
            float(self.confidence[row]),
        )

    def timecode_of(self, row: int) -> int | None:
        """The timecode of this row, in nanoseconds since midnight; None if it is unknown."""
        if self.timecode_ns is None:
            return None
        return (self.timecode_ns + round(float(self.time_s[row]) * 1e9)) % DAY_NS


def trimmed_take(take: Take, part: Playback) -> Take:
    """The pictures of this part, in the take's own seconds; TakeError if there are none. The speed is not used.

    Times start at 0 again; timecodes stay.
    """
    rows = _rows_of(take, part)
    parts = {name: getattr(take, name)[rows] for name in _SHAPES}
    time_s = take.time_s[rows] - take.time_s[rows.start]
    return replace(take, time_s=time_s, timecode_ns=take.timecode_of(rows.start), **parts)


def _rows_of(take: Take, part: Playback) -> slice:
    """The rows of this part; TakeError if there are none."""
    kept = np.flatnonzero((take.time_s >= part.start_s - _SAME_TIME_S) & (take.time_s < part.stop_s - _SAME_TIME_S))
    if not len(kept):
        raise TakeError(f"no picture lies {part.span}: the take lasts {take.seconds:.2f} s")
    return slice(int(kept[0]), int(kept[-1]) + 1)
