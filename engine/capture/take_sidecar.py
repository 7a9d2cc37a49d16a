"""The JSON beside a take's CSV: what the CSV cannot say, a row a picture, readable however it was cut off."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from omote.engine.nouns import Array, printable

from . import take_csv
from .take_csv import TakeError

_MOST_PROVENANCE = 1000  # characters
VERSION = 2  # 1 had columns instead of rows, a timecode from 0, and frames at the rate of the pictures
_ROW = (("confidence", ()), ("head_translation", (3,)), ("gaze", (2, 2)))
_SIZES = tuple(math.prod(shape) for _, shape in _ROW)
_ENDS = ("]}", "}")  # what a file that was cut off may lack, behind its last whole row


def begin(provenance: str, timecode_rate: int, *, has_timecode: bool) -> str:
    """The text up to the rows."""
    said = {
        "omote_take": VERSION,
        "provenance": provenance,
        "timecode_rate": timecode_rate,
        "has_timecode": has_timecode,
    }
    return json.dumps(said)[:-1] + ', "rows": [\n'


def row(confidence: float, head_translation: Array, gaze: Array, *, is_first: bool) -> str:
    """A picture's, with what parts it from the one before; each beginning of the text is a take of its own."""
    numbers = (confidence, *head_translation.tolist(), *gaze.ravel().tolist())
    cells = ", ".join(str(round(float(number), take_csv.DIGITS)) for number in numbers)
    return f"{'' if is_first else f',{chr(10)}'}[{cells}]"


def end(fps: float) -> str:
    """The text after the rows."""
    return f'\n], "fps": {fps}}}\n'


@dataclass(frozen=True)
class Sidecar:
    """What the file says; one that is not ours (the app writes some too), or is not there, says nothing."""

    name: str
    fps: float = 0.0  # 0: not said
    provenance: str = ""
    timecode_rate: int | None = None
    has_timecode: bool = True
    is_unfinished: bool = False  # it was cut off, and so may be the CSV
    columns: dict[str, object] = field(default_factory=dict)
    rows: int | None = None  # how many there are; None where it has no rows

    def array(self, key: str, default: Array) -> Array:
        """The numbers of this column, in the shape of `default`, which stands where there are none."""
        if key not in self.columns:
            return default
        try:
            with np.errstate(over="ignore"):  # what is not finite is refused by the take
                value = np.array(self.columns[key], np.float32)
        except (TypeError, ValueError, OverflowError):
            value = np.zeros(0, np.float32)
        if self.is_unfinished:
            value = value[: len(default)]
        if value.shape != default.shape:
            raise TakeError(f"{self.name}: {key} must be numbers {list(default.shape)}, one row for each of the CSV's")
        return value


def read_sidecar(path: Path) -> Sidecar:
    """What stands beside a take; TakeError where that is damaged, or of another version."""
    if not path.is_file():
        return Sidecar(path.name)
    try:
        text = path.read_text("utf-8")
        said, is_unfinished = _parsed(text)
    except (OSError, ValueError, RecursionError) as error:
        raise TakeError(f"{path.name} cannot be read: {error}; wanted JSON, or no such file") from error
    if not isinstance(said, dict) or "omote_take" not in said:
        return Sidecar(path.name)
    version = said["omote_take"]
    if version not in (1, VERSION) or isinstance(version, bool):
        raise TakeError(f"{path.name} is a take of version {version!r}; wanted 1 or {VERSION}; update omote")
    fps, provenance = _fps(path.name, said), printable(str(said.get("provenance", "")), _MOST_PROVENANCE)
    if version == 1:
        columns = {key: said[key] for key, _ in _ROW if key in said}
        return Sidecar(path.name, fps, provenance, math.ceil(fps) or None, has_timecode=False, columns=columns)
    table = _table(path.name, said.get("rows"))
    parts = np.split(table, np.cumsum(_SIZES)[:-1], axis=1)
    return Sidecar(
        path.name,
        fps,
        provenance,
        _timecode_rate(path.name, said),
        has_timecode=said.get("has_timecode") is not False,
        is_unfinished=is_unfinished,
        columns={key: part.reshape(-1, *shape) for (key, shape), part in zip(_ROW, parts, strict=True)},
        rows=len(table),
    )


def _parsed(text: str) -> tuple[object, bool]:
    """What the JSON says, and whether it was cut off."""
    try:
        return json.loads(text), False
    except ValueError:
        if not text.startswith('{"omote_take": 2'):
            raise
        for whole in (text[: text.rfind("]") + 1], text[: text.find("[\n") + 1]):  # with rows, or before the first
            for missing in _ENDS:
                with suppress(ValueError):
                    return json.loads(whole + missing), True
        raise


def _fps(name: str, said: dict[str, object]) -> float:
    fps = said.get("fps", 0.0)
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not (0.0 < fps <= 1000.0 or "fps" not in said):
        raise TakeError(f"{name}: fps is {fps!r}; wanted a number above 0, to 1000")
    return float(fps)


def _timecode_rate(name: str, said: dict[str, object]) -> int:
    rate = said.get("timecode_rate")
    if isinstance(rate, bool) or not isinstance(rate, int) or not 0 < rate <= 1000:
        raise TakeError(f"{name}: timecode_rate is {rate!r}; wanted a whole number from 1 to 1000")
    return rate


def _table(name: str, rows: object) -> Array:
    """[n,8]"""
    try:
        with np.errstate(over="ignore"):
            table = np.array(rows, np.float32)
    except (TypeError, ValueError, OverflowError):
        table = np.zeros(0, np.float32)
    if rows == []:
        table = np.zeros((0, sum(_SIZES)), np.float32)
    if table.ndim != 2 or table.shape[1] != sum(_SIZES):
        raise TakeError(f"{name}: rows must be lists of {sum(_SIZES)} numbers, one for each row of the CSV")
    return table
