"""A recorded performance: the CSV of Epic's Live Link Face app, with a JSON beside it for what the CSV cannot say."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, livelink
from omote.bridge.angles import angles_from_rotation, rotation_from_angles
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.nouns import Array, Signal, Stamp

from . import take_csv
from .source import EndOfSource, SourceError
from .take_csv import TakeError

__all__ = ["Take", "TakeError", "TakeSource", "read_take", "write_take"]

_VERSION = 1  # of the JSON


@dataclass(frozen=True)
class Take:
    """What a tracker saw of a performance, picture by picture."""

    fps: float
    time_s: NDArray[np.float64]  # [n] from 0, never back
    weights: Array  # [n,52] ARKit order, 0 to 1
    head_rotation: Array  # [n,3] as in `Signal`; so are the next three
    head_translation: Array  # [n,3]
    gaze: Array  # [n,2,2]
    confidence: Array  # [n]
    provenance: str = ""  # who performed, who recorded it, under which licence

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

    def __len__(self) -> int:
        return len(self.time_s)

    def signal(self, row: int, stamp: Stamp) -> Signal:
        """What the tracker saw in this row."""
        return Signal(
            stamp,
            self.weights[row],
            self.head_rotation[row],
            self.head_translation[row],
            self.gaze[row],
            float(self.confidence[row]),
        )


_SHAPES: dict[str, tuple[int, ...]] = {
    "weights": (arkit.COUNT,),
    "head_rotation": (3,),
    "head_translation": (3,),
    "gaze": (2, 2),
    "confidence": (),
}


def read_take(path: Path) -> Take:
    """The take in `path`; TakeError, and nothing else, where there is none.

    Weights are clipped to 0..1: the app writes tiny negatives. Where the JSON
    does not say otherwise, the gaze is what the eyeLook weights say.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TakeError(f"{path.name} cannot be read: {error}; wanted the CSV of a Live Link Face take") from error
    beside = _Beside.read(path.with_suffix(".json"))
    rows = take_csv.parse(path.name, text, math.ceil(beside.fps) or None)
    weights = np.clip(rows.values[:, : arkit.COUNT], 0.0, 1.0).astype(np.float32)
    still = np.zeros((len(weights), 3), np.float32)
    return Take(
        fps=beside.fps or _guess_fps(rows),
        time_s=rows.time_s,
        weights=weights,
        head_rotation=rotation_from_angles(rows.values[:, arkit.COUNT : arkit.COUNT + 3]),
        head_translation=beside.array("head_translation", still),
        gaze=beside.array("gaze", np.stack([gaze_from_weights(row) for row in weights])),
        confidence=beside.array("confidence", rows.has_face.astype(np.float32)),
        provenance=beside.provenance,
    )


def _guess_fps(rows: take_csv.Rows) -> float:
    steps = np.diff(rows.time_s)
    step_s = float(np.median(steps)) if len(steps) else 0.0
    return min(round(1.0 / step_s, 2), 1000.0) if step_s > 0.0 else float(rows.timecode_rate)


class _Beside:
    """The JSON beside a CSV. One that is not ours (the app writes some too) says nothing."""

    def __init__(self, name: str, said: dict[str, object]) -> None:
        self._name = name
        self._said = said
        fps = said.get("fps", 0.0)
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not (0.0 < fps <= 1000.0 or "fps" not in said):
            raise TakeError(f"{name}: fps is {fps!r}; wanted a number above 0, to 1000")
        self.fps = float(fps)
        self.provenance = str(said.get("provenance", ""))

    @classmethod
    def read(cls, path: Path) -> _Beside:
        if not path.is_file():
            return cls(path.name, {})
        try:
            said = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise TakeError(f"{path.name} cannot be read: {error}; wanted JSON, or no such file") from error
        if not isinstance(said, dict) or "omote_take" not in said:
            return cls(path.name, {})
        if said["omote_take"] != _VERSION:
            raise TakeError(f"{path.name} is a take of version {said['omote_take']!r}; wanted {_VERSION}; update omote")
        return cls(path.name, said)

    def array(self, key: str, default: Array) -> Array:
        """The numbers under `key`, in the shape of `default`, which stands where there are none."""
        if key not in self._said:
            return default
        try:
            value = np.array(self._said[key], np.float32)
        except (TypeError, ValueError, OverflowError):
            value = np.zeros(0, np.float32)
        if value.shape != default.shape:
            raise TakeError(f"{self._name}: {key} must be numbers {list(default.shape)}, one row for each of the CSV's")
        return value


def write_take(path: Path, take: Take) -> None:
    """Writes `path` as the app would, and the JSON beside it; reading gives the same digits back."""
    values = np.zeros((len(take), livelink.COUNT))
    values[:, : arkit.COUNT] = take.weights
    values[:, arkit.COUNT : arkit.COUNT + 3] = angles_from_rotation(take.head_rotation)
    eyes = values[:, arkit.COUNT + 3 :].reshape(-1, 2, 3)  # a view: yaw, pitch, roll of each
    eyes[..., :2] = take.gaze[..., ::-1]
    rows = take_csv.Rows(take.time_s, values, take.confidence > 0, math.ceil(take.fps))
    beside = {
        "omote_take": _VERSION,
        "fps": take.fps,
        "provenance": take.provenance,
        **{key: _rounded(getattr(take, key)) for key in ("confidence", "head_translation", "gaze")},
    }
    try:
        path.write_text(take_csv.render(rows), "utf-8", newline="\n")
        path.with_suffix(".json").write_text(json.dumps(beside) + "\n", "utf-8", newline="\n")
    except OSError as error:
        raise TakeError(f"{path.name} cannot be written: {error}; wanted a folder that may be written to") from error


def _rounded(values: Array) -> object:
    return np.round(values.astype(np.float64), take_csv.DIGITS).tolist()


class TakeSource:
    """Plays a take as a camera would have seen it: in real time, or picture by picture where `is_offline`.

    In real time a picture counts as captured when it was due, and pictures that
    nobody read before the next was due are dropped and counted. Offline every
    picture comes, stamped with its time in the take, whatever the clock says.
    Another `fps` than the take's replays the same pictures faster or slower.
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
    ) -> None:
        if fps is not None and not 0.0 < fps <= 1000.0:
            raise SourceError(f"a take plays at 0 to 1000 pictures a second, got {fps}")
        self.name = name
        self.dropped = 0
        self._take = take
        times_s = take.time_s if fps is None else np.arange(len(take)) / fps
        self._due_ns = np.round(times_s * 1e9).astype(np.int64)  # [n] since the start
        self._length_ns = int(self._due_ns[-1]) + round(1e9 / (fps or take.fps))
        self._loop = loop
        self._is_offline = is_offline
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._next = 0  # counts on through the loops
        self._start_ns: int | None = None  # the first read starts the take: nothing is lost while a model loads
        self._wall_start_ns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout_s: float) -> Signal | None:
        """The newest picture that is due; None where none is in time; EndOfSource after the last."""
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
        due_ns = self._due(index)
        stamp = Stamp(index, (self._start_ns or 0) + due_ns, self._wall_start_ns + due_ns)
        return self._take.signal(index % len(self._take), stamp)
