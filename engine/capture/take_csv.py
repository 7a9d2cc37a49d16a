"""The CSV of Epic's Live Link Face app: a timecode and 61 values a row, to and from numbers."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, livelink

from .source import SourceError

log = logging.getLogger(__name__)

DIGITS = 6  # behind the point
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


class TakeError(SourceError):
    """A take cannot be read or written; the message names the row, what was found and what was wanted."""


@dataclass(frozen=True)
class Rows:
    """What a CSV says."""

    time_s: NDArray[np.float64]  # [n] from 0, never back
    values: NDArray[np.float64]  # [n,61] in the order of `livelink.NAMES`; zeros where no face was seen
    has_face: NDArray[np.bool_]  # [n]
    timecode_rate: int  # frames that the timecode counts in a second
    start_ns: int  # the first row's timecode, since midnight
    number: NDArray[np.intp]  # [n] which of the file's rows these are: damaged ones are skipped
    count: int  # rows in the file


def parse(name: str, text: str, timecode_rate: int | None = None, *, is_unfinished: bool = False) -> Rows:
    """The rows of a CSV; TakeError, and nothing else, where it is none.

    Columns are found by name, in any order and case. A row whose count is 0 saw
    no face. The rate of the timecode is guessed where nobody knows it. Of one that
    is unfinished the last line counts only if it is whole. Damaged rows are skipped, and the log says so, as long as
    they are fewer than the whole ones.
    """
    lines = (text[: text.rfind("\n") + 1] if is_unfinished else text).splitlines()
    columns = _Columns(name, lines[0] if lines else "")
    numbered = [(number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    rows, at, damage = [], [], []
    for k, (number, line) in enumerate(numbered):
        try:
            rows.append(_Row(f"{name} row {number}", line, columns))
            at.append(k)
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
    return Rows(
        time_s=time_s[whole],
        values=np.array([row.values for row in rows]),
        has_face=np.array([row.has_face for row in rows]),
        timecode_rate=rate,
        start_ns=round(rows[0].time_s(rate) * 1e9) % DAY_NS,
        number=np.array(at, np.intp)[whole],
        count=len(numbered),
    )


def header() -> str:
    """The first line of a CSV, as the app writes it."""
    return ",".join(COLUMNS) + "\n"


def line(timecode_ns: int, values: NDArray[np.float64], timecode_rate: int, *, has_face: bool) -> str:
    """A row of a CSV; `values` [61] in the order of `livelink.NAMES`, zeros where no face was seen.

    Such a row keeps its columns, for readers that do not look at the count.
    """
    cells = ",".join(f"{value:.{DIGITS}f}" for value in values[_ORDER])
    return f"{timecode(timecode_ns, timecode_rate)},{livelink.COUNT if has_face else 0},{cells}\n"


def timecode(since_midnight_ns: int, rate: int) -> str:
    """As HH:MM:SS:FF.subframe at this many frames a second; after a day it begins again."""
    thousandths = (since_midnight_ns % DAY_NS * rate + 500_000) // 1_000_000 % (_DAY_S * rate * 1000)
    frames, thousandth = divmod(thousandths, 1000)
    seconds, frame = divmod(frames, rate)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}:{frame:02}.{thousandth:03}"


class _Columns:
    """Where the header of a CSV puts each of the 61 values."""

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
        self._columns = [where.get(title.lower()) for title in livelink.NAMES]  # None: that angle was not recorded

    def values(self, place: str, cells: list[str]) -> NDArray[np.float64]:
        """[61] in the order of `livelink.NAMES`; `place` is for who is to mend it."""
        if len(cells) != self._count:
            raise TakeError(f"{place}: {len(cells)} columns; wanted {self._count}, as in the header")
        return np.array(
            [
                0.0 if column is None else _number(place, cells[column], title)
                for column, title in zip(self._columns, livelink.NAMES, strict=True)
            ]
        )


class _Row:
    """One line of the CSV, as numbers: an evening has a million lines, and text takes ten times the room."""

    def __init__(self, place: str, line: str, columns: _Columns) -> None:
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


def _number(place: str, cell: str, title: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TakeError(f"{place}: {title} is {cell[:40]!r}; wanted a finite number")
    return value


def _elapsed(rows: list[_Row], rate: int) -> NDArray[np.float64]:
    """[n] seconds from 0, across midnight if it must be; NaN for a row that lies before the one above."""
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


def _goes_back(row: _Row) -> TakeError:
    return TakeError(f"{row.place}: the timecode {row.timecode!r} lies before the row above; wanted a later one")


def _guess_rate(rows: list[_Row]) -> int:
    """The lowest usual rate that allows for the highest frame number that was met.

    A take shorter than a second may not have met it; then the app's own 60 is taken.
    """
    highest = max(row.frame for row in rows)
    rate = next(rate for rate in _RATES if highest < rate)
    return rate if abs(rows[-1].second - rows[0].second) > 1 else max(rate, APP_RATE)
