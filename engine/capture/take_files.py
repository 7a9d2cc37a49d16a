"""The two files of a take: the CSV of Epic's Live Link Face app, and the JSON beside it for what the CSV cannot say."""

from __future__ import annotations

import json
import logging
import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, livelink
from omote.bridge.errors import printable

from ..data import Array
from .source import SourceError

DIGITS = 6  # after the decimal point
_TIMECODE = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})[:;]([0-9]{1,3})(?:\.([0-9]{1,9}))?\Z")
_RATES = (24, 25, 30, 50, 60, 100, 120, 240, 1000)
_DAY_S = 86400
DAY_NS = _DAY_S * 1_000_000_000

# The app's CSV names JawRight and MouthRight before their left ones; its packets do not.
_SWAPPED = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
COLUMNS = ("Timecode", "BlendShapeCount", *(_SWAPPED.get(name, name) for name in livelink.NAMES))
_ORDER = [livelink.NAMES.index(title) for title in COLUMNS[2:]]
APP_RATE = 60  # frames that the app's timecode counts in a second
_NO_FACE = np.zeros(livelink.COUNT)

SIDECAR_VERSION = 2  # 1 had columns instead of rows, a timecode from 0, and frames at the rate of the pictures
_SIDECAR_ROW = (("confidence", ()), ("head_translation", (3,)), ("gaze", (2, 2)))
_SIZES = tuple(math.prod(shape) for _, shape in _SIDECAR_ROW)
_JITTER = 1.05  # by which the mean rate may exceed that of the median step before it counts
_ENDS = ("]}", "}")  # what a file that was cut off may lack after its last whole row
_LONGEST_PROVENANCE = 1000  # characters

log = logging.getLogger(__name__)


class TakeError(SourceError):
    """A take cannot be read or written; the message names the row, what was found and what was wanted."""


def rate_of(steps_s: NDArray[np.float64]) -> float:
    """Pictures a second of a take with these steps [n] between its pictures; 0 without any.

    It is the rate of the median step, unless more pictures came than that: where some were dropped, long and short
    steps alternate, and a rate below the mean would have no place for each picture.
    """
    if not len(steps_s) or float(np.sum(steps_s)) <= 0.0:
        return 0.0
    mean, median_s = len(steps_s) / float(np.sum(steps_s)), float(np.median(steps_s))
    return 1.0 / median_s if 0.0 < median_s * mean <= _JITTER else mean


@dataclass(frozen=True)
class CsvRows:
    """The rows of a CSV that are not damaged."""

    time_s: NDArray[np.float64]  # [n] from 0, never back
    values: NDArray[np.float64]  # [n,61] in the order of `livelink.NAMES`; zeros without a face
    has_face: NDArray[np.bool_]  # [n]
    timecode_rate: int  # frames that the timecode counts in a second
    start_ns: int  # the first row's timecode, since midnight
    number: NDArray[np.intp]  # [n] indices of these rows in the file, since damaged ones are skipped
    count: int  # rows in the file


def parse_csv(name: str, text: str, timecode_rate: int | None = None, *, is_unfinished: bool = False) -> CsvRows:
    """The rows of a CSV; TakeError, and nothing else, if it is no take.

    Columns are found by name, in any order and case. A row whose count is 0 has no face. Without a rate of the timecode
    it is guessed. In an unfinished file the last line counts only if it is whole. Damaged rows are skipped and logged,
    as long as they are fewer than the whole ones.
    """
    lines = (text[: text.rfind("\n") + 1] if is_unfinished else text).splitlines()
    columns = _CsvColumns(name, lines[0] if lines else "")
    numbered = [(number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    rows, indices, damage = [], [], []
    for k, (number, line) in enumerate(numbered):
        try:
            rows.append(_CsvRow(f"{name} row {number}", line, columns))
            indices.append(k)
        except TakeError as error:
            damage.append(error)
    if not rows and not damage:
        raise TakeError(f"{name} has no rows; wanted at least one below the header")
    if len(damage) >= len(rows):
        raise damage[0]
    rate = timecode_rate or _guess_rate(rows)
    time_s = _elapsed(rows, rate)
    whole = np.flatnonzero(np.isfinite(time_s))
    damage += [_goes_back(row) for row, is_whole in zip(rows, np.isfinite(time_s), strict=True) if not is_whole]
    if len(damage) >= len(whole):
        raise damage[0]
    if damage:
        log.warning("%d of %d rows are damaged and were skipped; the first: %s", len(damage), len(numbered), damage[0])
    rows = [rows[k] for k in whole]
    return CsvRows(
        time_s=time_s[whole],
        values=np.array([row.values for row in rows]),
        has_face=np.array([row.has_face for row in rows]),
        timecode_rate=rate,
        start_ns=round(rows[0].time_s(rate) * 1e9) % DAY_NS,
        number=np.array(indices, np.intp)[whole],
        count=len(numbered),
    )


def csv_header() -> str:
    """The first line of the app's CSV."""
    return ",".join(COLUMNS) + "\n"


def csv_line(timecode_ns: int, values: NDArray[np.float64], timecode_rate: int, *, has_face: bool) -> str:
    """A row of a CSV; `values` [61] in the order of `livelink.NAMES`.

    A row without a face keeps its columns, all zero, for readers that do not look at the count.
    """
    cells = ",".join(f"{value:.{DIGITS}f}" for value in values[_ORDER])
    return f"{timecode(timecode_ns, timecode_rate)},{livelink.COUNT if has_face else 0},{cells}\n"


def timecode(since_midnight_ns: int, rate: int) -> str:
    """HH:MM:SS:FF.subframe at this many frames a second; after a day it starts at 0 again."""
    thousandths = (since_midnight_ns % DAY_NS * rate + 500_000) // 1_000_000 % (_DAY_S * rate * 1000)
    frames, thousandth = divmod(thousandths, 1000)
    seconds, frame = divmod(frames, rate)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}:{frame:02}.{thousandth:03}"


def timecode_seconds(text: str, rate: int = APP_RATE) -> float | None:
    """The seconds since midnight of a timecode; None if it is none."""
    found = _TIMECODE.match(text.strip())
    if not found:
        return None
    hours, minutes, seconds, frame = (int(digits) for digits in found.groups()[:4])
    return seconds + 60 * (minutes + 60 * hours) + frame / rate


class _CsvColumns:
    """The column of each of the 61 values in a CSV."""

    def __init__(self, name: str, line: str) -> None:
        where = {title.strip().lower(): column for column, title in enumerate(line.split(","))}
        wanted = COLUMNS[: 2 + arkit.COUNT]
        missing = [title for title in wanted if title.lower() not in where]
        if missing:
            raise TakeError(
                f"{name} row 1: no column {missing[0]} ({len(missing)} of {len(wanted)} are missing); "
                "wanted the header of a Live Link Face CSV: Timecode,BlendShapeCount,EyeBlinkLeft,..."
            )
        if (where["timecode"], where["blendshapecount"]) != (0, 1):
            raise TakeError(f"{name} row 1: wanted Timecode and BlendShapeCount as the first two columns")
        self._count = line.count(",") + 1
        self._columns = [where.get(title.lower()) for title in livelink.NAMES]  # None if it was not recorded

    def values(self, place: str, cells: list[str]) -> NDArray[np.float64]:
        """[61] in the order of `livelink.NAMES`; errors name the `place`."""
        if len(cells) != self._count:
            raise TakeError(f"{place}: {len(cells)} columns; wanted {self._count}, as in the header")
        return np.array(
            [
                0.0 if column is None else _csv_number(place, cells[column], title)
                for column, title in zip(self._columns, livelink.NAMES, strict=True)
            ]
        )


class _CsvRow:
    """One line of the CSV as numbers: an evening has a million lines, and their text needs ten times the memory."""

    def __init__(self, place: str, line: str, columns: _CsvColumns) -> None:
        cells = line.split(",")
        self.place, self.timecode = place, cells[0]
        found = _TIMECODE.match(cells[0].strip())
        if not found:
            raise TakeError(f"{place}: the timecode is {cells[0][:40]!r}; wanted HH:MM:SS:FF.subframe")
        hours, minutes, seconds, self.frame = (int(digits) for digits in found.groups()[:4])
        self.second = seconds + 60 * (minutes + 60 * hours)  # of the day
        self.sub_frame = float(f"0.{found[5] or 0}")
        self.has_face = len(cells) > 1 and cells[1].strip() not in ("", "0")
        self.values = columns.values(place, cells) if self.has_face else _NO_FACE  # [61]

    def time_s(self, rate: int) -> float:
        return self.second + (self.frame + self.sub_frame) / rate


def _csv_number(place: str, cell: str, title: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TakeError(f"{place}: {title} is {cell[:40]!r}; wanted a finite number")
    return value


def _elapsed(rows: list[_CsvRow], rate: int) -> NDArray[np.float64]:
    """[n] seconds from 0, across midnight if necessary; NaN for a row that lies before the one above."""
    day_s, elapsed, before = 0.0, np.zeros(len(rows)), rows[0]
    latest = 0.0
    for k, row in enumerate(rows[1:], 1):
        passed_s = _DAY_S if row.second < before.second - _DAY_S / 2 else 0.0
        elapsed[k] = day_s + passed_s + row.time_s(rate) - rows[0].time_s(rate)
        if elapsed[k] < latest:
            elapsed[k] = np.nan
            continue
        day_s, latest, before = day_s + passed_s, elapsed[k], row
    return elapsed


def _goes_back(row: _CsvRow) -> TakeError:
    return TakeError(f"{row.place}: the timecode {row.timecode!r} lies before the row above; wanted a later one")


def _guess_rate(rows: list[_CsvRow]) -> int:
    """The lowest usual rate above the highest frame number.

    A take shorter than a second may not reach that number; then it is at least the app's 60.
    """
    highest = max(row.frame for row in rows)
    rate = next(rate for rate in _RATES if highest < rate)
    return rate if abs(rows[-1].second - rows[0].second) > 1 else max(rate, APP_RATE)


# The JSON beside the CSV.


def sidecar_start(provenance: str, timecode_rate: int, *, has_timecode: bool) -> str:
    """The text before the rows."""
    header = {
        "omote_take": SIDECAR_VERSION,
        "provenance": provenance,
        "timecode_rate": timecode_rate,
        "has_timecode": has_timecode,
    }
    return json.dumps(header)[:-1] + ', "rows": [\n'


def sidecar_row(confidence: float, head_translation: Array, gaze: Array, *, is_first: bool) -> str:
    """The row of a picture, after a separator; a file that ends after any row is a readable take."""
    numbers = (confidence, *head_translation.tolist(), *gaze.ravel().tolist())
    cells = ", ".join(str(round(float(number), DIGITS)) for number in numbers)
    return f"{'' if is_first else f',{chr(10)}'}[{cells}]"


def sidecar_end(fps: float) -> str:
    """The text after the rows."""
    return f'\n], "fps": {fps}}}\n'


@dataclass(frozen=True)
class Sidecar:
    """The content of the JSON. Without a file, or with one of the app's own, it has the defaults."""

    name: str
    fps: float = 0.0  # 0 if it is unknown
    provenance: str = ""
    timecode_rate: int | None = None
    has_timecode: bool = True
    is_unfinished: bool = False  # whether it was cut off, as the CSV may be, too
    columns: dict[str, object] = field(default_factory=dict)
    rows: int | None = None  # their number; None in a file without rows

    def array(self, key: str, default: Array) -> Array:
        """The numbers of this column, in the shape of `default`, which is returned if there are none."""
        if key not in self.columns:
            return default
        try:
            with np.errstate(over="ignore"):  # `Take` refuses what is not finite.
                value = np.array(self.columns[key], np.float32)
        except (TypeError, ValueError, OverflowError):
            value = np.zeros(0, np.float32)
        if self.is_unfinished:
            value = value[: len(default)]
        if value.shape != default.shape:
            raise TakeError(f"{self.name}: {key} must be numbers {list(default.shape)}, one row for each of the CSV's")
        return value


def read_sidecar(path: Path) -> Sidecar:
    """The JSON beside a take; TakeError if it is damaged, or of another version."""
    if not path.is_file():
        return Sidecar(path.name)
    try:
        text = path.read_text("utf-8")
        content, is_unfinished = _parsed_json(text)
    except (OSError, ValueError, RecursionError) as error:
        raise TakeError(f"{path.name} cannot be read: {error}; wanted JSON, or no such file") from error
    if not isinstance(content, dict) or "omote_take" not in content:
        return Sidecar(path.name)
    version = content["omote_take"]
    if version not in (1, SIDECAR_VERSION) or isinstance(version, bool):
        raise TakeError(f"{path.name} is a take of version {version!r}; wanted 1 or {SIDECAR_VERSION}; update omote")
    fps = _sidecar_fps(path.name, content)
    provenance = printable(str(content.get("provenance", "")), _LONGEST_PROVENANCE)
    if version == 1:
        columns = {key: content[key] for key, _ in _SIDECAR_ROW if key in content}
        return Sidecar(path.name, fps, provenance, math.ceil(fps) or None, has_timecode=False, columns=columns)
    table = _number_table(path.name, content.get("rows"))
    parts = np.split(table, np.cumsum(_SIZES)[:-1], axis=1)
    return Sidecar(
        path.name,
        fps,
        provenance,
        _timecode_rate(path.name, content),
        has_timecode=content.get("has_timecode") is not False,
        is_unfinished=is_unfinished,
        columns={key: part.reshape(-1, *shape) for (key, shape), part in zip(_SIDECAR_ROW, parts, strict=True)},
        rows=len(table),
    )


def _parsed_json(text: str) -> tuple[object, bool]:
    """The content of the JSON, and whether it was cut off."""
    try:
        return json.loads(text), False
    except ValueError:
        if not text.startswith('{"omote_take": 2'):
            raise
        # Up to the last whole row, or up to where the rows begin.
        for whole in (text[: text.rfind("]") + 1], text[: text.find("[\n") + 1]):
            for missing in _ENDS:
                with suppress(ValueError):
                    return json.loads(whole + missing), True
        raise


def _sidecar_fps(name: str, content: dict[str, object]) -> float:
    fps = content.get("fps", 0.0)
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not (0.0 < fps <= 1000.0 or "fps" not in content):
        raise TakeError(f"{name}: fps is {fps!r}; wanted a number above 0, to 1000")
    return float(fps)


def _timecode_rate(name: str, content: dict[str, object]) -> int:
    rate = content.get("timecode_rate")
    if isinstance(rate, bool) or not isinstance(rate, int) or not 0 < rate <= 1000:
        raise TakeError(f"{name}: timecode_rate is {rate!r}; wanted a whole number from 1 to 1000")
    return rate


def _number_table(name: str, rows: object) -> Array:
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
