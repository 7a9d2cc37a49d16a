"""Parses a face from a name, ARKit weights, FLAME values, a TOML or JSON file, or a moment of a recording."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from omote.bridge import arkit

from ..capture.source import SourceError
from ..capture.take import read_take
from ..data import FLAME_BASIS, Array, FlameParams
from ..face.expressions import NAMED_EXPRESSIONS, expression_weights
from ..face.flame_vectors import SUFFIXES, VectorError, params_of, read_vectors
from ..face.retarget import from_weights
from .animation import Float64Array, RenderError, did_you_mean
from .face_limits import EYES, FLAME_NAMES, JAW, MAX, MIN, face_from_row, require_in_limits
from .writers.tables import COLUMNS

REST = "neutral"
FORMS = "jawOpen=0.6,mouthSmileLeft=0.4, or a file (.csv, .toml, .json)"

_FILE = re.compile(r"(?P<path>.+\.(?:csv|json|toml))(?:@(?P<at>[^@]*))?", re.IGNORECASE)
_COLUMN = {name: column for column, name in enumerate(FLAME_NAMES)}
_FLAME = f"{FLAME_BASIS}:"

# A parsed face: ARKit weights [52], or FLAME's parameters in the open basis.
_Face = Array | FlameParams


def parse_face(word: str, folder: Path | None = None) -> FlameParams:
    """The face that this word names, in the open basis; RenderError says what was found and wanted, and the nearest
    name.

    A name ("smile", "neutral"), ARKit weights ("jawOpen=0.6,mouthSmileLeft=0.4"), FLAME values by the columns of
    params.csv ("jaw_pose_x=0.2,expression_3=1.1"), a file of either (.toml, .json), or a recording and a time in it
    ("take.csv@1.5"; without a time the first picture). Files are searched in `folder`, then in the current folder.

    "flame2020:" begins coefficients of FLAME 2020, for characters that use its basis: values by the same names, or a
    file of rows of 55 numbers (.csv, .npy, .safetensors) and the row in it ("flame2020:smile.npy@3").
    """
    if word.strip().startswith(_FLAME):
        return _parse_flame(word.strip().removeprefix(_FLAME), f'"{word.strip()}"', folder)
    face = _parse(word.strip(), folder)
    return face if isinstance(face, FlameParams) else from_weights(face)


def face_from_values(values: Mapping[str, object], what: str) -> FlameParams:
    """The face with these ARKit weights or FLAME values and 0 elsewhere; `what` begins the message of a RenderError."""
    face = _from_numbers(values, what)
    return face if isinstance(face, FlameParams) else from_weights(face)


def face_file_path(word: str, folder: Path | None = None) -> Path | None:
    """The file that `parse_face` would read; None if the word names no file."""
    if word.strip().startswith(_FLAME):
        path = Path(word.strip().removeprefix(_FLAME).partition("@")[0])
        return _resolve(path, folder) if path.suffix.lower() in SUFFIXES else None
    found = _FILE.fullmatch(word.strip())
    return _resolve(Path(found["path"]), folder) if found else None


def _parse_flame(word: str, what: str, folder: Path | None) -> FlameParams:
    """The face in FLAME 2020's basis; its coefficients are finite, and no other bounds are known here."""
    name, _, row = word.partition("@")
    if Path(name).suffix.lower() in SUFFIXES:
        try:
            rows = read_vectors(_resolve(Path(name), folder))
        except VectorError as error:
            raise RenderError(f"{what}: {error}") from error
        return params_of(rows[int(_number("the row after @", row or 0, what, 0, len(rows) - 1))])
    values = _split_pairs(word)
    if strange := [name for name in values if name not in _COLUMN]:
        raise RenderError(f'{what}: FLAME has no value "{strange[0]}"{did_you_mean(strange[0], FLAME_NAMES)}')
    numbers = np.zeros(len(FLAME_NAMES), np.float32)
    for name, value in values.items():
        numbers[_COLUMN[name]] = _number(name, value, what, -100.0, 100.0)
    return FlameParams.from_vector(numbers, FLAME_BASIS)


def _resolve(path: Path, folder: Path | None) -> Path:
    inside = folder / path if folder else path
    return inside if is_file(inside) else path


def is_file(path: Path) -> bool:
    """As `Path.is_file`, but False for a name that is too long for the system."""
    return os.path.isfile(path)  # noqa: PTH113


def _parse(word: str, folder: Path | None) -> _Face:
    if file := _FILE.fullmatch(word):
        return _from_file(Path(file["path"]), file["at"], word, folder)
    if "=" in word:
        return _from_values(_split_pairs(word), f'"{word}"')
    if word == REST:
        return np.zeros(arkit.COUNT, np.float32)
    if word not in NAMED_EXPRESSIONS:
        raise RenderError(
            f'no expression is called "{word}"{did_you_mean(word, (REST, *NAMED_EXPRESSIONS))}: there are '
            f"{REST}, {', '.join(NAMED_EXPRESSIONS)}, "
            f"or weights as {FORMS}"
        )
    return expression_weights(word)


# Names and values.


def _split_pairs(word: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in word.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name in found:
            raise RenderError(f'"{word}": {name} appears twice')
        found[name] = value
    return found


def _from_numbers(values: Mapping[str, object], what: str) -> _Face:
    for name, value in values.items():
        if isinstance(value, str):
            raise RenderError(f'{what}: {name} must be a number, got the text "{value}"')
    return _from_values(values, what)


def _from_values(values: Mapping[str, object], what: str) -> _Face:
    if not values:
        raise RenderError(f"{what}: no value in it; wanted weights as jawOpen=0.6,mouthSmileLeft=0.4")
    flame = [name for name in values if name in _COLUMN]
    if not flame:
        return arkit.weights({_arkit_name(name, what): _number(name, values[name], what) for name in values})
    if others := [name for name in values if name not in _COLUMN]:
        if others[0] in arkit.INDEX:
            raise RenderError(
                f"{what}: {others[0]} is ARKit's and {flame[0]} is FLAME's: wanted weights of the one or values of "
                "the other"
            )
        raise RenderError(f'{what}: FLAME has no value "{others[0]}"{did_you_mean(others[0], FLAME_NAMES)}')
    row = np.zeros(len(FLAME_NAMES), np.float32)
    for name in flame:
        row[_COLUMN[name]] = _flame_number(name, values[name], what)
    return face_from_row(require_in_limits(FlameParams.from_vector(row), what))


def _arkit_name(name: str, what: str) -> str:
    if name not in arkit.INDEX:
        hint = did_you_mean(name, arkit.NAMES) or did_you_mean(name, FLAME_NAMES)
        raise RenderError(f'{what}: ARKit has no weight "{name}"{hint}, nor FLAME a value of that name')
    return name


def _number(name: str, value: object, what: str, low: float = 0.0, high: float = 1.0) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        found = f'"{value}"' if isinstance(value, str) else value
        raise RenderError(f"{what}: {name} must be from {low:.4g} to {high:.4g}, got {found}")
    return number


def _flame_number(name: str, value: object, what: str) -> float:
    column = _COLUMN[name]
    if column < JAW.start:  # a coefficient has no bounds; the shapes that all of them together stand for have
        return _number(name, value, what, -100.0, 100.0)
    return _number(name, value, what, float(MIN[column]), float(MAX[column]))


# Files.


def read_toml_or_json(path: Path) -> object:
    """The content as Python's types; OSError if it cannot be read, ValueError if it is not what its suffix says.

    A name that appears twice is an error in JSON as in TOML.
    """
    text = path.read_text("utf-8-sig")
    try:
        return (
            tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text, object_pairs_hook=_unique_names)
        )
    except RecursionError as error:
        raise ValueError("tables or lists lie too deep within each other") from error


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f'"{name}" appears twice')
        found[name] = value
    return found


def all_strings(content: object) -> Iterator[str]:
    """Every string in what `read_toml_or_json` returned."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping | list):
        for one in content.values() if isinstance(content, Mapping) else content:
            yield from all_strings(one)


def _from_file(path: Path, at: str | None, word: str, folder: Path | None) -> _Face:
    path, what = _resolve(path, folder), f'"{word}"'
    if path.suffix.lower() == ".csv":
        at_s = 0.0 if at is None else _number("the time after @", at, what, 0.0, 1e6)
        return _from_recording(path, at_s, what)
    if at is not None:
        raise RenderError(f"{what}: only a recording has a time, and {path.name} is one face: leave out @{at}")
    try:
        content = read_toml_or_json(path)
    except OSError as error:
        raise RenderError(f"{what}: cannot read {path}: {error.strerror or error}; wanted a file of weights") from error
    except ValueError as error:
        kind = path.suffix.lower()[1:].upper()
        raise RenderError(f"{what}: {path} is no {kind} ({error}); wanted names and numbers") from error
    if not isinstance(content, Mapping):
        raise RenderError(f'{what}: {path} holds no table; wanted names and numbers, as {{"jawOpen": 0.6}}')
    return _from_numbers(content, what)


def _from_recording(path: Path, at_s: float, what: str) -> FlameParams:
    """The face at this time of a take, or of a params.csv that a rendering wrote."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            is_table = file.readline().strip().split(",")[: len(COLUMNS)] == list(COLUMNS)
    except OSError as error:
        raise RenderError(f"{what}: cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RenderError(f"{what}: {path} is no text ({error}); wanted a take, or a params.csv") from error
    return _from_table(path, at_s, what) if is_table else _from_take(path, at_s, what)


def _from_take(path: Path, at_s: float, what: str) -> FlameParams:
    """Without the pose of the head, which says where the performer sat."""
    try:
        take = read_take(path)
    except SourceError as error:
        raise RenderError(f"{what}: {error}") from error
    row = _row_at(take.time_s, at_s, what)
    if take.confidence[row] <= 0.0:
        raise RenderError(f"{what}: no face was seen at {at_s:g} seconds: choose another time")
    gaze = np.clip(take.gaze[row].ravel(), MIN[EYES][[0, 1, 3, 4]], MAX[EYES][[0, 1, 3, 4]]).reshape(2, 2)
    return from_weights(take.weights[row], gaze.astype(np.float32))


def _from_table(path: Path, at_s: float, what: str) -> FlameParams:
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
    return face_from_row(require_in_limits(FlameParams.from_vector(row[2:-1].astype(np.float32)), what))


def _row_at(time_s: Float64Array, at_s: float, what: str) -> int:
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    if at_s > time_s[-1] + step_s:
        raise RenderError(f"{what}: it lasts {time_s[-1] + step_s:.2f} seconds, so there is nothing at {at_s:g}")
    return int(np.argmin(np.abs(time_s - at_s)))
