"""Character files: found by name, and read and written as a whole, each in one safetensors file."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from omote.bridge.errors import printable

from ..data import (
    CHARACTER_WORDS,
    LIGHT_SIZE,
    REFERENCE_SIDES,
    SHAPE_SIZE,
    AnyCharacter,
    Character,
    FlameParams,
    Reference,
)
from ..storage import data_folder, user_path
from ..tensor_file import CharacterError, TensorFile, damaged_file_error, read_tensor_file, write_tensor_file
from .kinds import kind_of_file

SHIPPED_FOLDER = Path(__file__).parents[1] / "weights" / "characters"
SUFFIX = ".omote"
DEFAULT_CHARACTER = "hana"
CHARACTERS_VARIABLE = "OMOTE_CHARACTERS"
_MOST_NAME = 255  # of a file
MOST_BYTES = 4 << 20
FORMAT = "omote character 3"
_FORMER_FORMATS = ("omote character 1", "omote character 2")  # without pictures
_FACE_SIZE = 67
_QUALITY = (95, 90, 80, 65, 50)  # of WebP, tried until the file is small enough

Rgba = NDArray[np.uint8]
Row = TypeVar("Row")
Made = TypeVar("Made")


def character_names() -> tuple[str, ...]:
    """The names that `load_character` takes: of the shipped characters, then of those that the user made.

    Returns
    -------
    tuple of str
        Each name once, in alphabetical order within each group.

    Examples
    --------
    >>> "hana" in character_names()
    True
    """
    return tuple(dict.fromkeys((*shipped_character_names(), *user_character_names())))


def shipped_character_names() -> tuple[str, ...]:
    """The names of the shipped characters."""
    return tuple(sorted(path.stem for path in SHIPPED_FOLDER.glob(f"*{SUFFIX}")))


def user_folder() -> Path:
    """The folder of the user's characters: $OMOTE_CHARACTERS, else in the user's data folder."""
    if chosen := os.environ.get(CHARACTERS_VARIABLE):
        return user_path(chosen)
    return data_folder() / "characters"


def user_character_names() -> tuple[str, ...]:
    """The names of the user's characters; files whose names could control a terminal are left out."""
    names = (path.stem for path in user_folder().glob(f"*{SUFFIX}"))
    return tuple(sorted(name for name in names if name == printable(name, _MOST_NAME)))


def load_character(name_or_path: str | Path) -> Character:
    """Loads a character.

    Parameters
    ----------
    name_or_path
        The name of a shipped character or of one that the user made, or the path of a character's file.

    Returns
    -------
    Character
        The shape of its head and its reference pictures.

    Raises
    ------
    CharacterError
        If there is no such character, if its file is damaged, or if it is photoreal.

    Examples
    --------
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


def load_any_character(name_or_path: str | Path, most: int | None = None) -> AnyCharacter:
    """As `load_character`, of the open kind or photoreal.

    `most` limits the references that are read, for a list of many characters.
    """
    path = _path_of_character(name_or_path)
    file = read_tensor_file(path)
    if kind := kind_of_file(file):
        return kind.load(file, path)
    return character_in(file, path, most)


def _path_of_character(name_or_path: str | Path) -> Path:
    """The path of a character's file; CharacterError if the name is unknown."""
    if not isinstance(name_or_path, str | Path):
        raise CharacterError(f"a character is a name or the path of a file, got {type(name_or_path).__name__}")
    path, name = Path(name_or_path), str(name_or_path)
    for names, folder in ((shipped_character_names(), SHIPPED_FOLDER), (user_character_names(), user_folder())):
        if name in names:
            return folder / f"{name}{SUFFIX}"
    if path.is_file():
        return path
    names = character_names()
    near = difflib.get_close_matches(name, names, 1)
    hint = f'; did you mean "{near[0]}"?' if near else "."
    raise CharacterError(
        f'there is no character "{printable(name, 80)}"{hint} There are {", ".join(names)}; or give the path of a file'
    )


def save_character(character: Character, path: str | Path) -> None:
    """Writes a character's file, atomically.

    Parameters
    ----------
    character
        The character; its references are encoded as WebP.
    path
        The file to write or to replace. In the folder of your characters it is found by its name.

    Raises
    ------
    CharacterError
        If it does not fit into 4 MB, or cannot be written.

    Examples
    --------
    >>> save_character(load_character("hana"), "copy.omote")
    """
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
    write_tensor_file(Path(path), TensorFile(words, arrays))


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
