"""Character files: found by name, and read and written as a whole, each in one safetensors file."""

from __future__ import annotations

import difflib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from omote.bridge.errors import OmoteError

from ..data import (
    CHARACTER_WORDS,
    LIGHT_SIZE,
    REFERENCE_SIDES,
    SHAPE_SIZE,
    AnyCharacter,
    Character,
    FlameParams,
    Reference,
    printable,
)
from ..storage import atomic_write, data_folder

SHIPPED_FOLDER = Path(__file__).parents[1] / "weights" / "characters"
SUFFIX = ".omote"
DEFAULT_CHARACTER = "hana"
CHARACTERS_VARIABLE = "OMOTE_CHARACTERS"
LOADERS = {"omote photoreal 1": "omote.engine.photoreal.character_file"}  # of optional kinds, by the file's format
MOST_BYTES = 4 << 20
FORMAT = "omote character 3"
_FORMER_FORMATS = ("omote character 1", "omote character 2")  # without pictures
_FACE_SIZE = 67
_QUALITY = (95, 90, 80, 65, 50)  # of WebP, tried until the file is small enough
_METADATA_KEY = "omote"  # of the words in the file's metadata

Rgba = NDArray[np.uint8]
Arrays = Mapping[str, NDArray[Any]]
Row = TypeVar("Row")
Made = TypeVar("Made")


class CharacterError(OmoteError, ValueError):
    """An unknown character or an unusable file; the message says which, and the cure."""


def character_names() -> tuple[str, ...]:
    """The names of the shipped characters."""
    return tuple(sorted(path.stem for path in SHIPPED_FOLDER.glob(f"*{SUFFIX}")))


def user_folder() -> Path:
    """The folder of the user's characters: $OMOTE_CHARACTERS, else in the user's data folder."""
    if chosen := os.environ.get(CHARACTERS_VARIABLE):
        return Path(chosen).expanduser()
    return data_folder() / "characters"


def user_character_names() -> tuple[str, ...]:
    """The names of the user's characters."""
    return tuple(sorted(path.stem for path in user_folder().glob(f"*{SUFFIX}")))


def load_character(name_or_path: str) -> Character:
    """A shipped character or one of the user's by name, or any by its file's path; CharacterError if it is photoreal.

    >>> load_character("hana").head
    'open'
    """
    character = load_any_character(name_or_path)
    if not isinstance(character, Character):
        raise CharacterError(
            f'"{name_or_path}" is a photoreal character, and this works with the open kind only: choose one that '
            "`omote characters` does not call photoreal"
        )
    return character


def load_any_character(name_or_path: str, most: int | None = None) -> AnyCharacter:
    """As `load_character`, of the open kind or photoreal.

    `most` limits the references that are read, for a list of many characters.
    """
    path = _path_of_character(name_or_path)
    file = read_tensor_file(path)
    if loader := LOADERS.get(str(file.words.get("format"))):
        character: AnyCharacter = import_module(loader).photoreal(file, path)
        return character
    return character_in(file, path, most)


def _path_of_character(name_or_path: str) -> Path:
    """The path of a character's file; CharacterError if the name is unknown."""
    for names, folder in ((character_names(), SHIPPED_FOLDER), (user_character_names(), user_folder())):
        if name_or_path in names:
            return folder / f"{name_or_path}{SUFFIX}"
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = (*character_names(), *user_character_names())
    near = difflib.get_close_matches(name_or_path, names, 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise CharacterError(f'no character "{name_or_path}"{hint} There are: {", ".join(names)}; or the path of a file')


def save_character(character: Character, path: Path) -> None:
    """Writes a character atomically; CharacterError if it does not fit into 4 MB or cannot be written."""
    references = character.references
    for quality in _QUALITY:
        pictures = _in_threads(partial(_encoded, quality=quality), (one.rgba for one in references))
        if sum(map(len, pictures)) < MOST_BYTES - (64 << 10):
            break
    else:
        raise CharacterError(f'the references of "{character.name}" do not fit into {MOST_BYTES >> 20} MB: use fewer')
    words = {word: getattr(character, word) for word in CHARACTER_WORDS}
    words |= {"format": FORMAT, "head": character.head, "kinds": ",".join(one.kind for one in references)}
    arrays: dict[str, NDArray[np.generic]] = {
        "shape": character.shape,
        "params": np.stack([one.params.vector() for one in references]).astype(np.float32),
        "light": np.stack([one.light for one in references]).astype(np.float32),
    }
    for k, picture in enumerate(pictures):
        arrays[f"picture.{k}"] = np.frombuffer(picture, np.uint8)
    write_tensor_file(path, TensorFile(words, arrays))


def read_character(path: Path) -> Character:
    """The character in this file; CharacterError if it is unusable."""
    _require_size(path)
    return character_in(read_tensor_file(path), path)


def character_in(file: TensorFile, path: Path, most: int | None = None) -> Character:
    """The character in the contents of a file; CharacterError if they are unusable.

    `most` limits the references that are decoded, each in about 10 ms.
    """
    _require_size(path)
    words, arrays = {key: str(value) for key, value in file.words.items()}, file.arrays
    if (found := words.get("format", "")) in _FORMER_FORMATS:
        raise CharacterError(
            f'{path} is in the format "{found}" of an earlier Omote, this one reads "{FORMAT}", which holds pictures: '
            "make the character again from its photo"
        )
    if found != FORMAT:
        raise CharacterError(f'{path} is in the format "{found[:40]}", this Omote reads "{FORMAT}": make it again')
    kinds = words.get("kinds", "").split(",")
    wanted = {"shape": (SHAPE_SIZE,), "params": (len(kinds), _FACE_SIZE), "light": (len(kinds), LIGHT_SIZE)}
    for name, shape in wanted.items():
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype != np.float32:
            raise damaged_file_error(path, f'no "{name}" of {list(shape)} in it')
        if not np.isfinite(arrays[name]).all():
            raise damaged_file_error(path, f'"{name}" holds numbers that are not finite')
    names = [f"picture.{k}" for k in range(len(kinds))]
    if missing := [name for name in names if name not in arrays or arrays[name].dtype != np.uint8]:
        raise damaged_file_error(path, f'no "{missing[0]}" in it')
    try:
        pictures = _in_threads(lambda name: _decoded(arrays[name].tobytes()), names[:most])
        rows = zip(pictures, arrays["params"][:most], arrays["light"][:most], kinds[:most], strict=True)
        return Character(
            head=words.get("head", ""),  # type: ignore[arg-type]  # checked by the class
            shape=arrays["shape"],
            references=tuple(
                Reference(rgba, FlameParams.from_vector(params), light, kind)  # type: ignore[arg-type]
                for rgba, params, light, kind in rows
            ),
            **{word: words.get(word, "") for word in CHARACTER_WORDS},
        )
    except (ValueError, OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise damaged_file_error(path, str(error)) from error


def _require_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CharacterError(f"cannot read {path} ({error.strerror}): give the path of a character file") from error
    if size > MOST_BYTES:
        raise CharacterError(
            f"{path} has {size >> 20} MB, a character has at most {MOST_BYTES >> 20} MB: choose another"
        )


def _in_threads(function: Callable[[Row], Made], rows: Iterable[Row]) -> list[Made]:
    """The function of each row, in threads: WebP is slow."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(function, rows))


def _encoded(rgba: Rgba, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "WEBP", quality=quality, alpha_quality=100, method=2)
    return file.getvalue()


def _decoded(data: bytes) -> Rgba:
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as picture:
        if max(picture.size) > REFERENCE_SIDES[1]:
            raise ValueError(f"a reference of {picture.width} x {picture.height} pixels")
        return np.asarray(picture.convert("RGBA"))


def damaged_file_error(path: Path, reason: str) -> CharacterError:
    """For a file that can be read, with contents that make no sense."""
    return CharacterError(f"{path} is damaged: {reason}; make the character again, or choose another")


@dataclass(frozen=True)
class TensorFile:
    """The contents of a safetensors file; only that they can be read has been checked."""

    words: Mapping[str, object]
    arrays: Arrays


def write_tensor_file(path: Path, file: TensorFile) -> None:
    """Writes a file atomically; CharacterError if it cannot be written."""
    try:
        # Not `save_file`, which ignores the user's umask: the file may hold a person's face.
        content = save(dict(file.arrays), {_METADATA_KEY: json.dumps(file.words, sort_keys=True)})
        with atomic_write(path) as partial:
            partial.write_bytes(content)
    except (SafetensorError, OSError) as error:
        raise CharacterError(f"cannot write {path} ({error}): make the folder, or choose another place") from error


def read_tensor_file(path: Path) -> TensorFile:
    """The contents of a file; CharacterError if it is no such file."""
    try:
        with safe_open(path, framework="numpy") as opened:
            words = json.loads((opened.metadata() or {}).get(_METADATA_KEY, "{}"))
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if not isinstance(words, dict):
            raise ValueError(f"its words must be a map, got {type(words).__name__}")
        if any(text != printable(text, len(text)) for text in _texts(words)):
            raise ValueError("its words hold characters that cannot be printed")
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise CharacterError(
            f"{path} is no character file or damaged ({error}): make the character again, or choose another"
        ) from error
    return TensorFile(words, arrays)


def _texts(value: object) -> Iterator[str]:
    """All strings in a value of JSON's types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(one)
