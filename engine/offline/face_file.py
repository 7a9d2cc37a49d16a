"""One face out of a file: a picture of a recording, or the values in a small TOML or JSON file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from omote.engine.capture.source import SourceError
from omote.engine.capture.take import read_take
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import FlameParams

from .face_range import EYES, LEAST, MOST, Wide, in_range
from .face_range import face as face_of_row
from .script import RenderError
from .writing.params_table import COLUMNS
from .written import written


def values(path: Path, what: str) -> Mapping[str, object]:
    """The names and numbers in it; RenderError where there are none."""
    try:
        found = written(path)
    except OSError as error:
        raise RenderError(f"{what}: cannot read {path}: {error.strerror or error}; wanted a file of weights") from error
    except ValueError as error:
        kind = path.suffix.lower()[1:].upper()
        raise RenderError(f"{what}: {path} is no {kind} ({error}); wanted names and numbers") from error
    if not isinstance(found, Mapping):
        raise RenderError(f'{what}: {path} holds no table; wanted names and numbers, as {{"jawOpen": 0.6}}')
    return found


def face_at(path: Path, at_s: float, what: str) -> FlameParams:
    """The picture of a recording that is shown at this time: of a take, or of a params.csv that a rendering wrote.

    A take's head is left out: it says where somebody sat before a camera.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            is_table = file.readline().strip().split(",")[: len(COLUMNS)] == list(COLUMNS)
    except OSError as error:
        raise RenderError(f"{what}: cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RenderError(f"{what}: {path} is no text ({error}); wanted a take, or a params.csv") from error
    return _of_table(path, at_s, what) if is_table else _of_take(path, at_s, what)


def _of_take(path: Path, at_s: float, what: str) -> FlameParams:
    try:
        take = read_take(path)
    except SourceError as error:
        raise RenderError(f"{what}: {error}") from error
    row = _row_at(take.time_s, at_s, what)
    if take.confidence[row] <= 0.0:
        raise RenderError(f"{what}: nobody is seen at {at_s:g} seconds: choose another time")
    gaze = np.clip(take.gaze[row].ravel(), LEAST[EYES][[0, 1, 3, 4]], MOST[EYES][[0, 1, 3, 4]]).reshape(2, 2)
    return from_weights(take.weights[row], gaze.astype(np.float32))


def _of_table(path: Path, at_s: float, what: str) -> FlameParams:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = np.array([[float(cell) for cell in row] for row in list(csv.reader(file))[1:]])
    except ValueError as error:
        raise RenderError(
            f"{what}: {path} is damaged ({error}); wanted a params.csv as a rendering writes it"
        ) from error
    if rows.ndim != 2 or rows.shape[1] != len(COLUMNS) or not np.isfinite(rows).all():
        raise RenderError(f"{what}: {path} is damaged; wanted rows of {len(COLUMNS)} numbers")
    row = rows[_row_at(rows[:, 1], at_s, what)]
    return face_of_row(in_range(FlameParams.from_vector(row[2:-1].astype(np.float32)), what))


def _row_at(time_s: Wide, at_s: float, what: str) -> int:
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    if at_s > time_s[-1] + step_s:
        raise RenderError(f"{what}: it lasts {time_s[-1] + step_s:.2f} seconds, so there is nothing at {at_s:g}")
    return int(np.argmin(np.abs(time_s - at_s)))
