"""A face as somebody asks for it: by name, by file, by ARKit's weights or by FLAME's values."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from omote.bridge import arkit
from omote.engine.face.expressions import NAMED, named
from omote.engine.face.retarget import UNITS, from_weights, to_weights
from omote.engine.nouns import Array, FlameParams

from . import face_file
from .face_range import FLAME_NAMES, JAW, LEAST, MOST, NECK, PLACE, in_range
from .face_range import face as face_of_row
from .script import RenderError

REST = "neutral"
FORMS = "jawOpen=0.6,mouthSmileLeft=0.4, or a file (.csv, .toml, .json)"
_FILE = re.compile(r"(?P<path>.+\.(?:csv|json|toml))(?:@(?P<at>[^@]*))?", re.IGNORECASE)
_AT = {name: place for place, name in enumerate(FLAME_NAMES)}
_LEAST_ARKIT = 1e-3


def face_of(word: str, folder: Path | None = None) -> FlameParams:
    """What this asks for, in the open basis; RenderError says what was found, what was wanted, and the nearest name.

    A name ("smile", "neutral"), ARKit weights ("jawOpen=0.6,mouthSmileLeft=0.4"), FLAME's values by the columns of
    params.csv ("jaw_pose_x=0.2,expression_3=1.1"), a file of either (.toml, .json), or a recording and the time in it
    ("take.csv@1.5", the first picture where none is said). Files are looked for in `folder`, else here.
    """
    found = _asked(word.strip(), folder)
    return found if isinstance(found, FlameParams) else from_weights(found)


def weights_of(word: str, folder: Path | None = None) -> Array:
    """[52] ARKit weights 0 to 1 of what `face_of` takes; RenderError also for a face that they cannot make."""
    found = _asked(word.strip(), folder)
    return found if isinstance(found, np.ndarray) else _arkit(found, f'"{word}"')


def file_named(word: str, folder: Path | None = None) -> Path | None:
    """The file in which `face_of` would look for it."""
    found = _FILE.fullmatch(word.strip())
    return _beside(Path(found["path"]), folder) if found else None


def _beside(path: Path, folder: Path | None) -> Path:
    inside = folder / path if folder else path
    return inside if os.path.isfile(inside) else path  # noqa: PTH113  # no error where a name is too long


def face_of_values(values: Mapping[str, object], what: str) -> FlameParams:
    """The face with these ARKit weights, or FLAME values, and nothing else; `what` begins a RenderError."""
    found = _of_numbers(values, what)
    return found if isinstance(found, FlameParams) else from_weights(found)


def near(word: str, known: Collection[str]) -> str:
    """` (did you mean "smile"?)`, or nothing where no name is like this."""
    found = difflib.get_close_matches(word, known, 1)
    return f' (did you mean "{found[0]}"?)' if found else ""


def _asked(word: str, folder: Path | None) -> Array | FlameParams:
    if file := _FILE.fullmatch(word):
        return _of_file(Path(file["path"]), file["at"], word, folder)
    if "=" in word:
        return _of_values(_pairs(word), f'"{word}"')
    if word == REST:
        return np.zeros(arkit.COUNT, np.float32)
    if word not in NAMED:
        raise RenderError(
            f'no expression is called "{word}"{near(word, (REST, *NAMED))}: there are {REST}, {", ".join(NAMED)}, '
            f"or weights as {FORMS}"
        )
    return named(word)


def _pairs(word: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in word.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name in found:
            raise RenderError(f'"{word}": {name} is said twice')
        found[name] = value
    return found


def _of_numbers(values: Mapping[str, object], what: str) -> Array | FlameParams:
    for name, value in values.items():
        if isinstance(value, str):
            raise RenderError(f'{what}: {name} must be a number, got the text "{value}"')
    return _of_values(values, what)


def _of_values(values: Mapping[str, object], what: str) -> Array | FlameParams:
    if not values:
        raise RenderError(f"{what}: no value in it; wanted weights as jawOpen=0.6,mouthSmileLeft=0.4")
    flame = [name for name in values if name in _AT]
    if not flame:
        return arkit.weights({_arkit_name(name, what): _number(name, values[name], what) for name in values})
    if others := [name for name in values if name not in _AT]:
        if others[0] in arkit.INDEX:
            raise RenderError(
                f"{what}: {others[0]} is ARKit's and {flame[0]} is FLAME's: wanted weights of the one or values of "
                "the other"
            )
        raise RenderError(f'{what}: FLAME has no value "{others[0]}"{near(others[0], FLAME_NAMES)}')
    row = np.zeros(len(FLAME_NAMES), np.float32)
    for name in flame:
        row[_AT[name]] = _flame_number(name, values[name], what)
    return face_of_row(in_range(FlameParams.from_vector(row), what))


def _arkit_name(name: str, what: str) -> str:
    if name not in arkit.INDEX:
        hint = near(name, arkit.NAMES) or near(name, FLAME_NAMES)
        raise RenderError(f'{what}: ARKit has no weight "{name}"{hint}, nor FLAME a value of that name')
    return name


def _number(name: str, value: object, what: str, least: float = 0.0, most: float = 1.0) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        shown = f'"{value}"' if isinstance(value, str) else value
        raise RenderError(f"{what}: {name} must be from {least:.4g} to {most:.4g}, got {shown}")
    return number


def _flame_number(name: str, value: object, what: str) -> float:
    at = _AT[name]
    if at < JAW.start:  # by themselves coefficients have no bounds; the shapes that they stand for have, all together
        return _number(name, value, what, -100.0, 100.0)
    return _number(name, value, what, float(LEAST[at]), float(MOST[at]))


def _of_file(path: Path, at: str | None, word: str, folder: Path | None) -> Array | FlameParams:
    path, what = _beside(path, folder), f'"{word}"'
    if path.suffix.lower() == ".csv":
        return face_file.face_at(path, _seconds(at, what), what)
    if at is not None:
        raise RenderError(f"{what}: only a recording has a time, and {path.name} is one face: leave out @{at}")
    return _of_numbers(face_file.values(path, what), what)


def _seconds(at: str | None, what: str) -> float:
    return 0.0 if at is None else _number("the time after @", at, what, 0.0, 1e6)


def _arkit(params: FlameParams, what: str) -> Array:
    row = in_range(params, what)
    if np.any(row[NECK]) or np.any(row[PLACE]):
        raise RenderError(f"{what}: ARKit has no weight for the head's turn or place: leave out neck_pose, translation")
    if (low := int(np.argmin(row[: len(UNITS)]))) >= 0 and row[low] < -_LEAST_ARKIT:
        raise RenderError(f"{what}: ARKit's {UNITS[low]} would be {row[low]:.3f}, and its weights go from 0 to 1")
    return np.asarray(np.clip(to_weights(params), 0.0, 1.0), np.float32)
