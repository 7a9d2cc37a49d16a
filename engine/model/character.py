"""Character files: the shape of a head and up to eight reference pictures, whatever version of the model draws them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from omote.engine.nouns import (
    CHARACTER_WORDS,
    LIGHT_SIZE,
    REFERENCE_SIDES,
    SHAPE_SIZE,
    Character,
    FlameParams,
    Reference,
)
from omote.engine.sealed import CharacterError, Sealed, damaged, seal, unsealed

__all__ = ["FORMAT", "MOST_BYTES", "Character", "CharacterError", "Reference", "load", "opened", "save"]

Rgba = NDArray[np.uint8]
Row = TypeVar("Row")
Made = TypeVar("Made")

MOST_BYTES = 4 << 20
FORMAT = "omote character 3"
_FORMER = ("omote character 1", "omote character 2")  # which hold no pictures
_FACE_SIZE = 67
_QUALITY = (95, 90, 80, 65, 50)  # of WebP, tried until the file is small enough


def save(character: Character, path: Path) -> None:
    """Writes all of it or nothing; CharacterError if it does not fit into 4 MB or the place cannot be written to."""
    references = character.references
    for quality in _QUALITY:
        pictures = _each(partial(_encoded, quality=quality), (one.rgba for one in references))
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
    seal(path, Sealed(words, arrays))


def load(path: Path) -> Character:
    """The character in this file; CharacterError says what is wrong with it, and what to do."""
    _require_size(path)
    return opened(unsealed(path), path)


def opened(sealed: Sealed, path: Path, most: int | None = None) -> Character:
    """The character that this file held; CharacterError as of `load`.

    With `most` it has no more references than that, which is faster: decoding each takes about 10 ms.
    """
    _require_size(path)
    words, arrays = {key: str(value) for key, value in sealed.words.items()}, sealed.arrays
    if (found := words.get("format", "")) in _FORMER:
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
            raise damaged(path, f'no "{name}" of {list(shape)} in it')
        if not np.isfinite(arrays[name]).all():
            raise damaged(path, f'"{name}" holds numbers that are not finite')
    names = [f"picture.{k}" for k in range(len(kinds))]
    if missing := [name for name in names if name not in arrays or arrays[name].dtype != np.uint8]:
        raise damaged(path, f'no "{missing[0]}" in it')
    try:
        pictures = _each(lambda name: _decoded(arrays[name].tobytes()), names[:most])
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
        raise damaged(path, str(error)) from error


def _require_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CharacterError(f"cannot read {path} ({error.strerror}): give the path of a character file") from error
    if size > MOST_BYTES:
        raise CharacterError(
            f"{path} has {size >> 20} MB, a character has at most {MOST_BYTES >> 20} MB: choose another"
        )


def _each(made: Callable[[Row], Made], rows: Iterable[Row]) -> list[Made]:
    """Made in threads, for WebP takes its time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(made, rows))


def _encoded(rgba: Rgba, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "WEBP", quality=quality, alpha_quality=100, method=2)
    return file.getvalue()


def _decoded(data: bytes) -> Rgba:
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as picture:
        if max(picture.size) > REFERENCE_SIDES[1]:
            raise ValueError(f"a reference of {picture.width} x {picture.height} pixels")
        return np.asarray(picture.convert("RGBA"))
